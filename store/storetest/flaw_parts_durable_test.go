package storetest

import (
	"context"
	"maps"
	"testing"

	"github.com/ration-go/ration/store"
)

var partDurableFlaws = []flaw{{
	name:   "saves the first part of a charge",
	caught: []string{"reopen/parts"},
	open: onDisk(func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for i := range c.Parts {
			for m := range c.Parts[i].Meters {
				if k := owned(keyOf(&c.Parts[i], m)); i > 0 {
					f.kept[k] = c.At
				} else {
					delete(f.kept, k)
				}
			}
		}
	}, eachState(func(f *flawed, k *key, _ *store.State) bool { _, lost := f.kept[*k]; return !lost })),
}, {
	name:   "writes the parts of a charge to a log one after the other, also of a refused one",
	caught: []string{"reopen/parts"},
	open: onDisk(func(f *flawed, c *store.Charge) {
		if f.model.take(c); !c.OK && len(c.Parts) > 1 {
			f.refused = append(f.refused, clone(c))
		}
	}, func(f *flawed) map[key]store.State {
		for _, c := range f.refused {
			for i := range c.Parts {
				f.model.take(onePart(c, i))
			}
		}
		return f.states
	}),
}, {
	name:   "saves at most the Max of a window",
	caught: []string{"reopen/soft"},
	open: onDisk(func(f *flawed, c *store.Charge) {
		f.model.take(c)
		meters(c, func(p *store.Part, i int) {
			if m := &p.Meters[i]; m.Soft && m.IsWindow() {
				f.newest[p.Subject+"/"+m.Name] = m.Max
			}
		})
	}, eachState(func(f *flawed, k *key, s *store.State) bool {
		if most, ok := f.newest[k.subject+"/"+k.name]; ok {
			s.Window.Used = min(s.Window.Used, most)
		}
		return true
	})),
}, {
	name:   "saves no Last",
	caught: []string{"reopen/taken"},
	open:   onDisk(nil, eachState(func(_ *flawed, _ *key, s *store.State) bool { s.Window.Last = 0; return true })),
}, {
	name:   "saves no Last of a window that is not in use",
	caught: []string{"reopen/taken"},
	open: onDisk(nil, eachState(func(_ *flawed, k *key, s *store.State) bool {
		if k.window && s.Window.Used == 0 {
			s.Window.Last = 0
		}
		return true
	})),
}, {
	name:   "saves the Last of the newest window of a name",
	caught: []string{"reopen/taken"},
	open: onDisk(nil, eachState(func(f *flawed, k *key, s *store.State) bool {
		for o := range f.states {
			if o.window && k.window && o.subject == k.subject && o.name == k.name && o.start > k.start {
				s.Window.Last = 0
			}
		}
		return true
	})),
}, {
	name:   "forgets closed subjects when it is opened again",
	caught: []string{"reopen/moved"},
	open:   reopened(func(was, is *flawed) { is.moved = map[string]string{} }),
}, {
	name:   "saves closed subjects only if the other one has state",
	caught: []string{"reopen/moved"},
	open: reopened(func(was, is *flawed) {
		is.moved = map[string]string{}
		for from, to := range was.moved {
			for k := range was.states {
				if k.subject == to {
					is.moved[from] = to
				}
			}
		}
	}),
}, {
	name:   "saves a moved state under its old name",
	caught: []string{"reopen/moved"},
	open: reopened(func(was, is *flawed) {
		for from, to := range was.moved {
			for k, s := range is.states {
				if k.subject == to {
					delete(is.states, k)
					k.subject = from
					is.states[k] = s
				}
			}
		}
	}),
}}

// reopened returns harnesses of counters that change as they are opened again.
func reopened(change func(was, is *flawed)) func() Harness {
	return func() Harness {
		var was *flawed
		h := onDisk(nil, func(f *flawed) map[key]store.State {
			was = newFlawed(nil)
			was.states, was.moved = maps.Clone(f.states), maps.Clone(f.moved)
			return f.states
		})()
		reopen := h.Reopen
		h.Reopen = func(tb testing.TB) store.Counter {
			is := reopen(tb).(*flawed)
			change(was, is)
			return is
		}
		return h
	}
}

var partPeerFlaws = []flaw{{
	name:   "keeps the parts of other subjects than the first to itself",
	caught: []string{"peer/parts"},
	open: twice(locked(func(i *instance, c *store.Charge) {
		if len(c.Parts) < 2 {
			i.model.take(c)
			meters(c, func(p *store.Part, m int) {
				if s, ok := i.states[keyOf(p, m)]; ok {
					i.own.states[owned(keyOf(p, m))] = s
				}
			})
			return
		}
		o := newModel()
		maps.Copy(o.states, i.states)
		for p := range c.Parts {
			for m := range c.Parts[p].Meters {
				if k := keyOf(&c.Parts[p], m); p > 0 {
					delete(o.states, k)
					if s, ok := i.own.states[k]; ok {
						o.states[k] = s
					}
				}
			}
		}
		o.take(c)
		for p := range c.Parts {
			for m := range c.Parts[p].Meters {
				if k := owned(keyOf(&c.Parts[p], m)); c.OK && c.Parts[p].N[m] != 0 {
					i.own.states[k] = o.states[k]
					i.states[k] = o.states[k]
				}
			}
		}
	})),
}, {
	name:   "writes the Last that it knows",
	caught: []string{"peer/taken"},
	open: twice(locked(func(i *instance, c *store.Charge) {
		was := maps.Clone(i.states)
		i.model.take(c)
		meters(c, func(p *store.Part, m int) {
			k := owned(keyOf(p, m))
			s, ok := i.states[k]
			if !ok || !k.window || !c.OK || p.N[m] <= 0 {
				return
			}
			if own := max(i.own.states[k].Window.Last, spanAt(c, &p.Meters[m])); own < was[k].Window.Last {
				s.Window.Last = own
			}
			i.states[k], i.own.states[k] = s, s
			if p.Last != nil {
				p.Last[m] = s.Window.Last
			}
		})
	})),
}, {
	name:   "keeps closed subjects to itself",
	caught: []string{"peer/moved"},
	open:   twiceAs(func(i *instance) store.Counter { return ownMoves{i, map[string]string{}} }),
}}

// ownMoves is an instance that knows the subjects alone that it has closed itself.
type ownMoves struct {
	*instance
	closed map[string]string
}

func (o ownMoves) Take(ctx context.Context, c *store.Charge) error {
	o.shared.mu.Lock()
	defer o.shared.mu.Unlock()
	o.model.moved = o.closed
	defer func() { o.model.moved = nil }()
	return o.model.Take(ctx, c)
}
