package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Take implements store.Counter. It honours the deadline of ctx; a charge whose answer came too late stands.
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
	r := s.request(c, at)
	reply, err := s.call(ctx, &r)
	if err == nil {
		err = answer(c, at, reply)
	}
	if err != nil {
		return fault("take", r.value(), err)
	}
	return nil
}

// answer fills in c from the script's reply. The script decides and keeps the state; the levels are worked out here, from
// the state, by the arithmetic that all stores share.
func answer(c *store.Charge, at time.Time, reply []byte) error {
	if want := tailLen + stateLen*len(c.Meters); len(reply) != want {
		return fmt.Errorf("reply of %d bytes: want %d", len(reply), want)
	}
	c.OK = reply[0] == 1
	for i := range c.Meters {
		state := reply[tailLen+stateLen*i:]
		fits := c.OK
		if !fits {
			c.Levels[i], fits = level(&c.Meters[i], at, state, c.N[i])
		}
		if fits {
			c.Levels[i], _ = level(&c.Meters[i], at, state, 0)
		}
	}
	return nil
}

// level is what to report of m as it stands, when n are asked of it, and whether they fit.
func level(m *store.Meter, at time.Time, state []byte, n int64) (l store.Level, fits bool) {
	if m.IsWindow() {
		w := store.Window{Used: number(state), Extra: number(state[8:])}
		_, l, fits = w.Take(m, at, n)
		return l, fits
	}
	b := store.Bucket{Tokens: number(state), Part: number(state[8:]), Per: per(m), Last: number(state[16:])}
	_, l, fits = b.Take(m, b.Last, n)
	return l, fits
}
