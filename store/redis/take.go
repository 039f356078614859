package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Take implements store.Counter. It honours the deadline of ctx; a charge whose answer
// came too late stands.
func (s *Store) Take(ctx context.Context, c *store.Charge) error {
	if err := c.Check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return done(ctx, "take")
	}
	at := c.At
	if at.IsZero() {
		at = time.Now()
	}
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	r := s.request(c, at)
	reply, err := s.decide(ctx, l, &r)
	if err == nil {
		err = answer(c, at, reply)
	}
	if err != nil {
		return fault("take", r.value(), err)
	}
	return nil
}

// decide is the script's reply to r, which may come in one call with others.
func (s *Store) decide(ctx context.Context, l *link, r *request) (string, error) {
	q := &l.decisions[0]
	if len(l.decisions) > 1 {
		q = &l.decisions[r.slot()*len(l.decisions)/slots]
	}
	reply, err := q.decide(ctx, l, &s.scripts, r)
	for pause := briefest; moving(err) && wait(ctx, &pause); {
		reply, err = q.decide(ctx, l, &s.scripts, r)
	}
	return reply, err
}

// one is the reply to r in a call of its own.
func (l *link) one(ctx context.Context, s *scripts, r *request) (string, error) {
	key, args := [1]string{r.value()}, r.args()
	return l.run(ctx, &s.one, key[:], args[:]).ToString()
}

// answer fills in c from the script's reply. The script decides and keeps the state; the
// levels are worked out here, from the state, by the arithmetic that all stores share.
func answer(c *store.Charge, at time.Time, reply string) error {
	if want := tailLen + stateLen*len(c.Meters); len(reply) != want {
		return fmt.Errorf("reply of %d bytes: want %d", len(reply), want)
	}
	if reply[0] > applied {
		return fmt.Errorf("reply begins with %d: want %d or %d", reply[0], refused, applied)
	}
	c.OK = reply[0] == applied
	wall, clock := at.UnixMicro(), number(reply[1:])
	for i := range c.Meters {
		state := reply[tailLen+stateLen*i:]
		fits := c.OK
		if !fits {
			c.Levels[i], fits = level(&c.Meters[i], wall, clock, state, c.N[i])
		}
		if fits {
			c.Levels[i], _ = level(&c.Meters[i], wall, clock, state, 0)
		}
	}
	return nil
}

// level is what to report of m as it stands, when n are asked of it, and whether they
// fit. A window goes by at, the caller's clock, and a bucket by the server's. The bucket
// is as of the server's clock, unless that is behind.
func level(m *store.Meter, at, clock int64, state string, n int64) (l store.Level, fits bool) {
	if m.IsWindow() {
		w := store.Window{Used: number(state), Extra: number(state[8:])}
		_, l, fits = w.Take(m, at, n)
		return l, fits
	}
	b := store.Bucket{Tokens: number(state), Part: number(state[8:]), Per: per(m), Last: number(state[16:])}
	_, l, fits = b.Take(m, min(clock, b.Last), n)
	return l, fits
}
