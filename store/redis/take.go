package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Take implements store.Counter: one round trip, one call of a script.
func (s *Store) Take(ctx context.Context, c *store.Charge) error {
	if err := c.Check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return done("take", ctx)
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
		return fault("take", err)
	}
	return nil
}

// answer fills in c from the tail that the script replied. The script keeps state and decides; the levels are worked out
// here, by the arithmetic that all stores share.
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

// level reports n of one meter as the state that the script replied stands, and whether it fits.
func level(m *store.Meter, at time.Time, state []byte, n int64) (l store.Level, fits bool) {
	if m.IsWindow() {
		w := store.Window{Used: getNumber(state), Extra: getNumber(state[8:])}
		_, l, fits = w.Take(m, at, n)
		return l, fits
	}
	b := store.Bucket{
		Tokens: getNumber(state), Part: getNumber(state[8:]), Per: max(m.Rate.Per, 1), Last: getNumber(state[16:]),
	}
	_, l, fits = b.Take(m, b.Last, n)
	return l, fits
}
