package storetest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// A mapCounter is a whole Counter on a map.
type mapCounter struct {
	mu     sync.Mutex
	states map[string]map[string]store.State // by subject and meter
	moved  map[string]string                 // where closed subjects went
}

func (t *mapCounter) Take(ctx context.Context, c *store.Charge) error {
	if err := c.Check(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, ctx.Err())
	}
	if c.Op == store.Move {
		return t.move(c, strings.Clone(c.Parts[0].Subject), strings.Clone(c.Parts[1].Subject))
	}

	var held []store.State // of all meters of all parts
	for _, p := range c.Parts {
		if to := t.moved[p.Subject]; to != "" {
			return &store.MovedError{Subject: strings.Clone(p.Subject), To: to}
		}
		for _, m := range p.Meters {
			held = append(held, t.states[p.Subject][keyOf(m)]) // the zero State if it is new
		}
	}

	now, next := c.At.UnixMicro(), make([]store.State, len(held))
	if c.At.IsZero() {
		now = time.Now().UnixMicro()
	}
	if !c.Decide(held, next, now, now) {
		return nil // a refusal or a read: c has the answer, and nothing changes
	}

	for _, p := range c.Parts {
		for i, m := range p.Meters {
			if c.Changes(&p, i) {
				if t.states[p.Subject] == nil {
					t.states[strings.Clone(p.Subject)] = map[string]store.State{}
				}
				t.states[p.Subject][keyOf(m)] = next[0]
			}
			next = next[1:]
		}
	}
	return nil
}

// keyOf identifies a meter of a subject. No figure of the limit belongs to it.
func keyOf(m store.Meter) string { return fmt.Sprint(m.IsWindow(), m.Start, " ", m.Name) }

// move closes the subject from, and gives its states to another.
func (t *mapCounter) move(c *store.Charge, from, to string) error {
	switch old := t.moved[from]; {
	case old != "" && old != to:
		return &store.MovedError{Subject: from, To: old}
	case old == "" && t.states[to] != nil:
		return fmt.Errorf("%w: %w: subject %q is in use", store.ErrNotTaken, store.ErrInvalid, to)
	case old == "":
		t.states[to], t.states[from] = t.states[from], nil
		t.moved[from], t.moved[to] = to, ""
	}
	c.OK = true
	return nil
}

func newMapCounter() *mapCounter {
	return &mapCounter{states: map[string]map[string]store.State{}, moved: map[string]string{}}
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
