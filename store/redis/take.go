package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Take implements store.Counter. It honours the deadline of ctx. A charge whose answer
// comes too late stands.
//
// A charge over several families fails with store.ErrApart if they are not sure to be on
// one server: in a Cluster if their slots differ, and with Config.Separate always.
func (s *Store) Take(ctx context.Context, c *store.Charge) error {
	if err := c.Check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return notSent(ctx, "take")
	}
	at := c.At
	if at.IsZero() {
		at = time.Now()
	}
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	if c.Op == store.Move {
		return s.move(ctx, l, c, at)
	}
	if len(c.Parts) > 1 && s.isApart(l, c) {
		return fmt.Errorf("store/redis: take: %w, %w: want parts that are in one slot", store.ErrNotTaken, store.ErrApart)
	}

	r := s.request(c, at)
	reply, err := s.decide(ctx, l, &r)
	if err == nil {
		err = decodeReply(c, at, reply)
	}
	if err != nil {
		return wrapError("take", r.describe(), asMoved(c, err))
	}
	return nil
}

// decide returns the script's reply to r. The call may carry other requests too.
func (s *Store) decide(ctx context.Context, l *link, r *request) (string, error) {
	q := &l.decisions[0]
	if len(l.decisions) > 1 {
		q = &l.decisions[slotOf(r.key())*len(l.decisions)/slots]
	}
	reply, err := q.decide(ctx, l, &s.scripts, r)
	for pause := minBackoff; isTryAgain(err) && backOff(ctx, &pause); {
		reply, err = q.decide(ctx, l, &s.scripts, r)
	}
	return reply, err
}

// single makes a call for r alone, and returns its reply.
func (l *link) single(ctx context.Context, s *scripts, r *request) (string, error) {
	if r.parts == 1 {
		key, args := [1]string{r.key()}, r.args()
		return whole(r, l.run(ctx, &s.one, key[:], args[:]))
	}
	p := payloadOf(r)
	defer payloadPool.Put(p)
	keys, args := p.call()
	return whole(r, l.run(ctx, &s.many, keys, args))
}
