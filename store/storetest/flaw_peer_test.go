package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ration-go/ration/store"
)

// shared is the storage of two counters.
type shared struct {
	*model
	mu     sync.Mutex
	before map[key]store.State // the states before the last write
	writer *instance           // of the last write
	begun  map[key]*instance
}

// instance is one of the counters. It locks its storage during a flaw, unless the flaw is
// that it does not.
type instance struct {
	*shared
	flaw func(i *instance, c *store.Charge)
	own  *model // what this counter alone knows

	mu       sync.Mutex
	refused  map[key]bool
	buffered []*store.Charge
}

func (i *instance) Take(ctx context.Context, c *store.Charge) error {
	if done, err := i.prepare(ctx, c); done {
		return err
	}
	i.flaw(i, c)
	return nil
}

// locked makes a flaw that has its storage for itself.
func locked(flaw func(i *instance, c *store.Charge)) func(i *instance, c *store.Charge) {
	return func(i *instance, c *store.Charge) {
		i.shared.mu.Lock()
		defer i.shared.mu.Unlock()
		flaw(i, c)
	}
}

// twice returns harnesses of two counters with the flaw over one storage.
func twice(flaw func(i *instance, c *store.Charge)) func() Harness {
	return twiceAs(func(i *instance) store.Counter { i.flaw = flaw; return i })
}

func twiceAs(make func(i *instance) store.Counter) func() Harness {
	return func() Harness {
		var s *shared
		open := func() store.Counter {
			return make(&instance{shared: s, own: newModel(), refused: map[key]bool{}})
		}
		return Harness{
			Bubble: synctest.Test,
			New: func(testing.TB) store.Counter {
				s = &shared{model: newModel(), begun: map[key]*instance{}}
				return open()
			},
			Peer: func(testing.TB) store.Counter { return open() },
		}
	}
}

var peerFlaws = []flaw{{
	name:   "counts for itself",
	caught: []string{"peer/charges", "peer/reads", "peer/refund", "peer/extension", "peer/windows", "race/peers"},
	open:   twice(func(i *instance, c *store.Charge) { i.own.take(c) }),
}, {
	name:   "caches each state that it has read",
	caught: []string{"peer/charges", "peer/reads", "peer/refund", "peer/extension", "peer/windows", "race/peers"},
	open: twice(locked(func(i *instance, c *store.Charge) {
		for j := range c.Parts[0].Meters {
			k := keyOf(&c.Parts[0], j)
			k.subject, k.name = strings.Clone(k.subject), strings.Clone(k.name)
			if _, ok := i.own.states[k]; !ok {
				i.own.states[k] = i.states[k]
			}
		}
		i.own.take(c)
		for j := range c.Parts[0].Meters {
			k := keyOf(&c.Parts[0], j)
			k.subject, k.name = strings.Clone(k.subject), strings.Clone(k.name)
			i.states[k] = i.own.states[k]
		}
	})),
}, {
	name:   "remembers that a quota is used up",
	caught: []string{"peer/refund"},
	open:   twice(locked(refuseAgain)),
}, {
	name:   "gives units back with its next charge",
	caught: []string{"peer/refund"},
	open:   twice(locked(bufferRefund)),
}, {
	name:   "reads what others have written from a replica that lags",
	caught: []string{"peer/reads"},
	open: twice(locked(func(i *instance, c *store.Charge) {
		switch reads := c.Op != store.SetRemaining && isZero(c.Parts[0].N); {
		case reads && i.writer != nil && i.writer != i:
			(&model{states: i.before}).take(c)
		case reads:
			i.model.take(c)
		default:
			i.before, i.writer = maps.Clone(i.states), i
			i.model.take(c)
		}
	})),
}, {
	name:   "peeks at what it has charged itself",
	caught: []string{"peer/reads"},
	open: twiceAs(func(i *instance) store.Counter {
		i.flaw = locked(func(i *instance, c *store.Charge) {
			i.model.take(c)
			for j := range c.Parts[0].Meters {
				i.own.states[keyOf(&c.Parts[0], j)] = i.states[keyOf(&c.Parts[0], j)]
			}
		})
		return peeksOwn{i}
	}),
}, {
	name:   "keeps extensions to itself",
	caught: []string{"peer/extension"},
	open: twice(locked(func(i *instance, c *store.Charge) {
		for j := range c.Parts[0].Meters {
			k := keyOf(&c.Parts[0], j)
			if s, ok := i.states[k]; ok && k.window {
				s.Window.Extra = i.own.states[k].Window.Extra
				i.states[k] = s
			}
		}
		i.model.take(c)
		for j := range c.Parts[0].Meters {
			if c.Op == store.SetRemaining {
				i.own.states[keyOf(&c.Parts[0], j)] = i.states[keyOf(&c.Parts[0], j)]
			}
		}
	})),
}, {
	name:   "ends the older windows that another counter began",
	caught: []string{"peer/windows"},
	open: twice(locked(func(i *instance, c *store.Charge) {
		i.model.take(c)
		for j, m := range c.Parts[0].Meters {
			if !c.OK || c.Parts[0].N[j] == 0 || !m.IsWindow() {
				continue
			}
			if k := keyOf(&c.Parts[0], j); i.begun[k] == nil {
				i.begun[k] = i
			}
			for k := range i.states {
				if k.window && k.subject == c.Parts[0].Subject && k.name == m.Name && k.start < m.Start && i.begun[k] != nil && i.begun[k] != i {
					delete(i.states, k)
				}
			}
		}
	})),
}, {
	name:   "locks in its own process",
	caught: []string{"race/peers"},
	open: twice(func(i *instance, c *store.Charge) {
		for !i.mu.TryLock() { // a bubble does not wait for a mutex while time passes
			time.Sleep(time.Nanosecond)
		}
		defer i.mu.Unlock()
		overwrite(&flawed{model: i.model}, c)
	}),
}}

func refuseAgain(i *instance, c *store.Charge) {
	again := false
	for j := range c.Parts[0].Meters {
		k := keyOf(&c.Parts[0], j)
		if c.Parts[0].N[j] < 0 || c.Op == store.SetRemaining {
			delete(i.refused, k)
		}
		again = again || c.Parts[0].N[j] > 0 && i.refused[k]
	}
	if again && len(c.Parts[0].Meters) == 1 && c.Op != store.SetRemaining {
		o := clone(c)
		clear(o.Parts[0].N)
		i.model.take(o)
		for j := range c.Parts[0].Meters {
			if c.Parts[0].Levels[j] = o.Parts[0].Levels[j]; c.Parts[0].N[j] > 0 && i.refused[keyOf(&c.Parts[0], j)] {
				c.Parts[0].Levels[j].Wait = o.Parts[0].Levels[j].Reset
			}
		}
		c.OK = false
		return
	}
	i.model.take(c)
	for j := range c.Parts[0].Meters {
		usedUp := c.Parts[0].Meters[j].IsWindow() && c.Parts[0].Levels[j].Remaining() == 0 && c.Parts[0].Levels[j].Wait == c.Parts[0].Levels[j].Reset
		if !c.OK && c.Parts[0].N[j] > 0 && usedUp {
			i.refused[keyOf(&c.Parts[0], j)] = true
		}
	}
}

func bufferRefund(i *instance, c *store.Charge) {
	for _, o := range i.buffered {
		i.model.take(o)
	}
	i.buffered = nil
	gives := c.Op != store.SetRemaining && slices.ContainsFunc(c.Parts[0].N[:], func(n int64) bool { return n < 0 })
	if !gives || slices.ContainsFunc(c.Parts[0].N[:], func(n int64) bool { return n > 0 }) {
		i.model.take(c)
		return
	}
	(&model{states: maps.Clone(i.states)}).take(c)
	o := clone(c)
	o.Parts[0].Meters = slices.Clone(c.Parts[0].Meters)
	i.buffered = append(i.buffered, o)
}

// peeksOwn is an instance with a Peek of its own.
type peeksOwn struct{ *instance }

func (p peeksOwn) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	return store.Peek(ctx, p.own, at, subjects, meters, levels, last)
}
