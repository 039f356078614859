package storetest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// A mapCounter is a whole Counter on a map. It keeps every promise of store.Counter, and
// passes storetest.TestCounter. To count in a database, replace the map by a table and
// the mutex by a transaction. A mapCounter never forgets a window, so its memory only
// grows.
type mapCounter struct {
	mu     sync.Mutex
	states map[string]map[string]store.State // by subject and meter
	closed map[string]string                 // where subjects have moved to
}

func newMapCounter() *mapCounter {
	return &mapCounter{states: map[string]map[string]store.State{}, closed: map[string]string{}}
}

// meterKey returns what identifies a meter of a subject. No figure of m is part of it.
func meterKey(m *store.Meter) string {
	return fmt.Sprintf("%t %d %s", m.IsWindow(), m.Start, m.Name)
}

func (m *mapCounter) Take(ctx context.Context, c *store.Charge) error {
	if err := c.Check(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, ctx.Err())
	}
	if c.Op == store.Move {
		return m.move(c, strings.Clone(c.Parts[0].Subject), strings.Clone(c.Parts[1].Subject))
	}

	var held []store.State
	for _, p := range c.Parts {
		if to, closed := m.closed[p.Subject]; closed {
			return &store.MovedError{Subject: strings.Clone(p.Subject), To: to}
		}
		for i := range p.Meters {
			held = append(held, m.states[p.Subject][meterKey(&p.Meters[i])])
		}
	}

	at := c.At
	if at.IsZero() {
		at = time.Now()
	}
	next := make([]store.State, len(held))
	if !c.Decide(held, next, at.UnixMicro(), at.UnixMicro()) {
		return nil // a refusal or a read: c has the answer, and nothing is kept
	}

	for _, p := range c.Parts {
		for i := range p.Meters {
			if c.Changes(&p, i) {
				if m.states[p.Subject] == nil {
					m.states[strings.Clone(p.Subject)] = map[string]store.State{}
				}
				m.states[p.Subject][meterKey(&p.Meters[i])] = next[0]
			}
			next = next[1:]
		}
	}
	return nil
}

// move closes a subject, and gives its states to another.
func (m *mapCounter) move(c *store.Charge, from, to string) error {
	switch old, closed := m.closed[from]; {
	case closed && old != to:
		return &store.MovedError{Subject: from, To: old}
	case !closed && m.states[to] != nil:
		return fmt.Errorf("%w: %w: parts[1].subject: %q: in use", store.ErrNotTaken, store.ErrInvalid, to)
	case !closed:
		m.states[to] = m.states[from] // nil if there are none
		delete(m.states, from)
		delete(m.closed, to)
		m.closed[from] = to
	}
	c.OK = true
	return nil
}

// Example shows a Counter for a map, with which a store for another database can begin.
func Example() {
	counter := newMapCounter()
	requests := store.Meter{Name: "requests", Max: 2, Rate: store.Rate{Tokens: 1, Per: 60_000_000}}
	charge := store.NewCharge("customer-42", 1, requests)
	charge.At = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for range 3 {
		err := counter.Take(context.Background(), charge)
		level := charge.Parts[0].Levels[0]
		fmt.Println(charge.OK, level.Remaining(), level.Wait, err)
	}
	// Output:
	// true 1 0s <nil>
	// true 0 0s <nil>
	// false 0 1m0s <nil>
}
