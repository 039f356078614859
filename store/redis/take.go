package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Take implements store.Counter. It honours the deadline of ctx. A charge whose answer
// comes too late stands.
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
	r := s.request(c, at)
	reply, err := s.decide(ctx, l, &r)
	if err == nil {
		err = decodeReply(c, at, reply)
	}
	if err != nil {
		return wrapError("take", r.value(), err)
	}
	return nil
}

// decide returns the script's reply to r. The call may carry other requests too.
func (s *Store) decide(ctx context.Context, l *link, r *request) (string, error) {
	q := &l.decisions[0]
	if len(l.decisions) > 1 {
		q = &l.decisions[r.slot()*len(l.decisions)/slots]
	}
	reply, err := q.decide(ctx, l, &s.scripts, r)
	for pause := minBackoff; isTryAgain(err) && backOff(ctx, &pause); {
		reply, err = q.decide(ctx, l, &s.scripts, r)
	}
	return reply, err
}

// one makes a call for r alone, and returns its reply.
func (l *link) one(ctx context.Context, s *scripts, r *request) (string, error) {
	key, args := [1]string{r.value()}, r.args()
	return l.run(ctx, &s.one, key[:], args[:]).ToString()
}

// decodeReply fills in c from the script's reply. The script decides and returns the
// state. The levels are computed here, from the state, by the arithmetic that all stores
// share.
func decodeReply(c *store.Charge, at time.Time, reply string) error {
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

// level returns the level of m for a charge of n, and reports whether n fits. A window
// goes by at, the caller's clock. A bucket goes by the server's clock: by Last, up to
// which the script has refilled it, or by clock if the server's clock is behind Last.
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
