package storetest

import (
	"context"
	"fmt"
	"slices"
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
	states map[key]store.State
	moved  map[string]string // closed subjects, and where they have moved
}

// key identifies a state.
type key struct {
	subject, name string
	window        bool
	start         int64
}

func newModel() *model {
	return &model{states: map[key]store.State{}, moved: map[string]string{}}
}

// Take implements store.Counter.
func (m *model) Take(ctx context.Context, c *store.Charge) error {
	if done, err := m.prepare(ctx, c); done {
		return err
	}
	return m.decide(c)
}

// prepare does everything but the decision of a charge: it reports whether there is
// nothing else to do.
func (m *model) prepare(ctx context.Context, c *store.Charge) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return true, fmt.Errorf("%w: %w", store.ErrNotTaken, err)
	}
	if err := c.Check(); err != nil {
		return true, err
	}
	if c.Op == store.Move {
		err = m.move(c.Parts[0].Subject, c.Parts[1].Subject)
		c.OK = err == nil
		return true, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err = m.closed(c)
	return err != nil, err
}

// closed returns a MovedError if a subject of c was closed. The lock is held.
func (m *model) closed(c *store.Charge) error {
	for i := range c.Parts {
		subject := c.Parts[i].Subject
		if to, ok := m.moved[subject]; ok {
			return &store.MovedError{Subject: subject, To: to}
		}
	}
	return nil
}

// take decides a charge whose subjects are open.
func (m *model) take(c *store.Charge) { _ = m.decide(c) }

func (m *model) decide(c *store.Charge) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.closed(c); err != nil {
		return err
	}
	at := c.At
	if at.IsZero() {
		at = time.Now()
	}
	var held []store.State
	for k := range keysOf(c) {
		held = append(held, m.states[k])
	}
	next := make([]store.State, len(held))
	if !c.Decide(held, next, at.UnixMicro(), m.now(at)) {
		return nil
	}
	for k, changes := range keysOf(c) {
		if changes {
			k.subject, k.name = strings.Clone(k.subject), strings.Clone(k.name)
			m.states[k] = next[0]
		}
		next = next[1:]
	}
	return nil
}

// move closes a subject, and gives its states to another.
func (m *model) move(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.moved[from]; ok {
		if at != to {
			return &store.MovedError{Subject: from, To: at}
		}
		return nil
	}
	for k := range m.states {
		if k.subject == to {
			return fmt.Errorf("%w, %w: parts[1].subject: %.100q: in use", store.ErrInvalid, store.ErrNotTaken, to)
		}
	}
	for k, s := range m.states {
		if k.subject == from {
			delete(m.states, k)
			k.subject = strings.Clone(to)
			m.states[k] = s
		}
	}
	delete(m.moved, to)
	m.moved[strings.Clone(from)] = strings.Clone(to)
	return nil
}

func (m *model) now(at time.Time) int64 {
	if m.clock != nil {
		return m.clock()
	}
	return at.UnixMicro()
}

// keysOf yields the key of every meter of c in the order of Charge.Decide, and whether c
// changes its state if it is applied.
func keysOf(c *store.Charge) func(yield func(key, bool) bool) {
	return func(yield func(key, bool) bool) {
		for p := range c.Parts {
			for i := range c.Parts[p].Meters {
				if !yield(keyOf(&c.Parts[p], i), c.Changes(&c.Parts[p], i)) {
					return
				}
			}
		}
	}
}

func keyOf(p *store.Part, i int) key {
	m := &p.Meters[i]
	return key{p.Subject, m.Name, m.IsWindow(), m.Start}
}

// opOf returns the Op of a charge that sets what remains, or that takes.
func opOf(set bool) store.Op {
	if set {
		return store.SetRemaining
	}
	return store.Spend
}

// clone returns a copy of c that shares nothing with it.
func clone(c *store.Charge) *store.Charge {
	o := *c
	o.Parts = slices.Clone(c.Parts)
	for i := range o.Parts {
		p := &o.Parts[i]
		p.Meters, p.N = slices.Clone(p.Meters), slices.Clone(p.N)
		p.Levels, p.Last = slices.Clone(p.Levels), slices.Clone(p.Last)
	}
	return &o
}

// copyAnswer gives c the answer of another charge with the same parts.
func copyAnswer(c, of *store.Charge) {
	c.OK = of.OK
	for i := range c.Parts {
		copy(c.Parts[i].Levels, of.Parts[i].Levels)
		copy(c.Parts[i].Last, of.Parts[i].Last)
	}
}
