package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// model is the reference counter: the contract written as simply as possible. It has one
// lock and never forgets.
type model struct {
	clock func() int64 // the clock of buckets in microseconds; if nil, they refill by At

	mu     sync.Mutex
	states map[key]state
}

// key identifies a state.
type key struct {
	subject, name string
	window        bool
	start         int64
}

type state struct {
	bucket store.Bucket
	window store.Window
}

func newModel() *model { return &model{states: map[key]state{}} }

// Take implements store.Counter.
func (m *model) Take(ctx context.Context, c *store.Charge) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, err)
	}
	if err := c.Check(); err != nil {
		return err
	}
	m.take(c)
	return nil
}

func (m *model) take(c *store.Charge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := c.At
	if at.IsZero() {
		at = time.Now()
	}
	now := m.now(at)
	var next [store.MaxMeters]state
	c.OK = true
	for i := range c.Meters {
		var ok bool
		next[i], c.Levels[i], ok = m.states[keyOf(c, i)].after(&c.Meters[i], at, now, c.N[i], c.SetRemaining)
		c.OK = c.OK && ok
	}
	for i := range c.Meters {
		switch k := keyOf(c, i); {
		case !c.OK:
			wait := c.Levels[i].Wait
			_, c.Levels[i], _ = m.states[k].after(&c.Meters[i], at, now, 0, false)
			c.Levels[i].Wait = wait
		case c.N[i] != 0 || c.SetRemaining:
			k.subject, k.name = strings.Clone(k.subject), strings.Clone(k.name)
			m.states[k] = next[i]
		}
	}
}

func (m *model) now(at time.Time) int64 {
	if m.clock != nil {
		return m.clock()
	}
	return at.UnixMicro()
}

func keyOf(c *store.Charge, i int) key {
	m := &c.Meters[i]
	return key{c.Subject, m.Name, m.IsWindow(), m.Start}
}

// after returns the state after a charge of n, the level to report, and whether the
// charge fits.
func (s state) after(m *store.Meter, at time.Time, now, n int64, set bool) (_ state, l store.Level, ok bool) {
	switch {
	case set && m.IsWindow():
		s.window, l = s.window.Set(m, at.UnixMicro(), n)
		ok = true
	case set:
		s.bucket, l = s.bucket.Set(m, now, n)
		ok = true
	case m.IsWindow():
		s.window, l, ok = s.window.Take(m, at.UnixMicro(), n)
	default:
		s.bucket, l, ok = s.bucket.Take(m, now, n)
	}
	return s, l, ok
}
