package redis

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// model is the contract written as simply as possible, on Charge.Decide. It never
// forgets.
type model struct {
	states map[stateKey]store.State
	closed map[string]string // where a subject has moved
	apart  bool              // families are in different places
}

type stateKey struct {
	subject, name string
	isWindow      bool
	start         int64
}

func newModel() *model {
	return &model{states: map[stateKey]store.State{}, closed: map[string]string{}}
}

func keyOf(subject string, m *store.Meter) stateKey {
	return stateKey{subject, m.Name, m.IsWindow(), m.Start}
}

// take decides c at an instant of the server's clock.
func (m *model) take(c *store.Charge, now int64) error {
	if c.Op == store.Move {
		return m.move(c)
	}
	if m.apart && families(c) > 1 {
		return store.ErrApart
	}
	for i := range c.Parts {
		if to, ok := m.closed[c.Parts[i].Subject]; ok {
			return &store.MovedError{Subject: c.Parts[i].Subject, To: to}
		}
	}
	var held []store.State
	for i := range c.Parts {
		for j := range c.Parts[i].Meters {
			held = append(held, m.states[keyOf(c.Parts[i].Subject, &c.Parts[i].Meters[j])])
		}
	}
	next := make([]store.State, len(held))
	if !c.Decide(held, next, c.At.UnixMicro(), now) {
		return nil
	}
	n := 0
	for i := range c.Parts {
		p := &c.Parts[i]
		for j := range p.Meters {
			if c.Changes(p, j) {
				m.states[keyOf(p.Subject, &p.Meters[j])] = next[n]
			}
			n++
		}
	}
	return nil
}

func (m *model) move(c *store.Charge) error {
	from, to := c.Parts[0].Subject, c.Parts[1].Subject
	if name, ok := m.closed[from]; ok {
		if name != to {
			return &store.MovedError{Subject: from, To: name}
		}
		c.OK = true
		return nil
	}
	if m.hasState(to) {
		return fmt.Errorf("%w, %w: in use", store.ErrInvalid, store.ErrNotTaken)
	}
	c.OK = true
	for k, s := range m.states {
		if k.subject == from {
			delete(m.states, k)
			k.subject = to
			m.states[k] = s
		}
	}
	delete(m.closed, to)
	m.closed[from] = to
	return nil
}

func (m *model) hasState(subject string) bool {
	for k := range m.states {
		if k.subject == subject {
			return true
		}
	}
	return false
}

// inUse reports whether a subject has a window that no store may have forgotten.
func (m *model) inUse(subject string, at time.Time) bool {
	for k, s := range m.states {
		if k.subject == subject && k.isWindow && s.Window.Used > 0 && k.start > at.Unix()-86400 {
			return true
		}
	}
	return false
}

func families(c *store.Charge) int {
	all := map[string]bool{}
	for i := range c.Parts {
		all[store.Family(c.Parts[i].Subject)] = true
	}
	return len(all)
}

// clone returns a copy of c that shares no answer with it.
func clone(c *store.Charge) *store.Charge {
	other := *c
	other.Parts = append([]store.Part(nil), c.Parts...)
	for i := range other.Parts {
		if p := &other.Parts[i]; p.Levels != nil {
			p.Levels = make([]store.Level, len(p.Meters))
		}
	}
	return &other
}
