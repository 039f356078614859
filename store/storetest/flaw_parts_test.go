package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var partFlaws = []flaw{{
	name:   "charges one part after the other, and leaves the first ones charged",
	caught: []string{"parts/none"},
	counter: severally(func(w *wider, c *store.Charge) error {
		ok := true
		for i := range c.Parts {
			o := onePart(c, i)
			w.take(o)
			copy(c.Parts[i].Levels, o.Parts[0].Levels)
			ok = ok && o.OK
		}
		c.OK = ok
		return nil
	}),
}, {
	name:   "goes on to charge the later parts after a refusal",
	caught: []string{"parts/none"},
	counter: severally(func(w *wider, c *store.Charge) error {
		refused := false
		for i := range c.Parts {
			o := onePart(c, i)
			if refused {
				w.take(o)
			} else {
				was := w.statesOf(c)
				w.take(o)
				w.put(o, was, func(int, key) bool { return true })
				refused = !o.OK
			}
		}
		return w.decide(c)
	}),
}, {
	name:   "has a state of the organisation for each key",
	caught: []string{"parts/all"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			for i := range o.Parts[1:] {
				o.Parts[i+1].Subject = o.Parts[0].Subject + "+" + o.Parts[i+1].Subject
			}
		})
	}),
}, {
	name:   "keeps the limits of teams in a cache",
	caught: []string{"parts/all"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			w.one.Lock()
			defer w.one.Unlock()
			// A team is between a key and an organisation.
			for _, p := range o.Parts[1 : len(o.Parts)-1] {
				for i := range p.Meters {
					m, k := &p.Meters[i], owned(keyOf(&p, i))
					if _, ok := w.limits[k]; !ok {
						w.limits[k] = m.Max
					}
					m.Max = w.limits[k]
				}
			}
		})
	}),
}, {
	name:   "lets only the first part refuse",
	caught: []string{"parts/none"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			for _, p := range o.Parts[1:] {
				for i := range p.Meters {
					p.Meters[i].Soft = true
				}
			}
		})
	}),
}, {
	name:   "stops at the first part that refuses, and leaves the levels of the later ones",
	caught: []string{"parts/levels", "parts/none", "parts/order", "parts/new", "soft/beside", "move/onto-untouched"},
	counter: severally(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		refused := false
		for _, p := range c.Parts {
			if refused {
				clear(p.Levels)
			}
			refused = refused || slices.ContainsFunc(p.Levels, func(l store.Level) bool { return !c.OK && l.Wait > 0 })
		}
		return err
	}),
}, {
	name:   "shows a refusal as if the other parts had been charged",
	caught: []string{"parts/levels"},
	counter: severally(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		meters(c, func(p *store.Part, i int) {
			if p.Levels != nil && !c.OK && p.Levels[i].Wait == 0 {
				p.Levels[i].Used = max(0, p.Levels[i].Used+p.N[i])
			}
		})
		return err
	}),
}, {
	name:   "gives every part of a refusal the longest wait",
	caught: []string{"parts/levels"},
	counter: severally(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		var longest time.Duration
		meters(c, func(p *store.Part, i int) {
			if p.Levels != nil {
				longest = max(longest, p.Levels[i].Wait)
			}
		})
		meters(c, func(p *store.Part, i int) {
			if p.Levels != nil && !c.OK {
				p.Levels[i].Wait = longest
			}
		})
		return err
	}),
}, {
	name:   "finds the rows of a charge by its set of subjects, in the order of the first time",
	caught: []string{"parts/order", "parts/families"},
	counter: severally(func(w *wider, c *store.Charge) error {
		set := subjects(c)
		slices.Sort(set)
		id := fmt.Sprintf("%q", set)
		w.one.Lock()
		if w.orders[id] == nil {
			w.orders[id] = subjects(c)
		}
		order := w.orders[id]
		w.one.Unlock()
		return w.as(c, func(o *store.Charge) {
			for i := range o.Parts {
				o.Parts[i].Subject = order[i]
			}
		})
	}),
}, {
	name:   "returns the levels in the order in which it locks the subjects",
	caught: []string{"parts/order"},
	counter: severally(func(w *wider, c *store.Charge) error {
		o := withLevels(c)
		err := w.decide(o)
		slices.SortFunc(o.Parts, func(a, b store.Part) int { return strings.Compare(a.Subject, b.Subject) })
		copyAnswer(c, o)
		return err
	}),
}, {
	name:    "charges three parts at most",
	caught:  []string{"parts/most", "parts/one-name", "parts/families", "parts/spent"},
	counter: alikeParts(func(o *store.Charge) { o.Parts = o.Parts[:min(3, len(o.Parts))] }),
}, {
	name:   "decides on sixty-four meters at most",
	caught: []string{"parts/most"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			n := 0
			meters(o, func(p *store.Part, i int) {
				if n++; n > 64 {
					p.N[i] = 0
				}
			})
		})
	}),
}, {
	name:   "one N for all parts",
	caught: []string{"parts/apart-n"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			for _, p := range o.Parts[1:] {
				for i := range p.N {
					if len(o.Parts[0].N) > 0 {
						p.N[i] = o.Parts[0].N[0]
					}
				}
			}
		})
	}),
}, {
	name:   "admits every charge in which a part gives units back",
	caught: []string{"parts/apart-n"},
	counter: severally(func(w *wider, c *store.Charge) error {
		gives := slices.ContainsFunc(c.Parts, func(p store.Part) bool { return slices.ContainsFunc(p.N, func(n int64) bool { return n < 0 }) })
		return w.as(c, func(o *store.Charge) {
			meters(o, func(p *store.Part, i int) { p.Meters[i].Soft = p.Meters[i].Soft || gives && o.Op == store.Spend })
		})
	}),
}, {
	name:   "reads the whole charge if its first part reads",
	caught: []string{"parts/apart-n"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			if o.Op == store.Spend && len(o.Parts[0].N) > 0 && isZero(o.Parts[0].N) {
				for i := range o.Parts {
					clear(o.Parts[i].N)
				}
			}
		})
	}),
}, {
	name:   "SetRemaining sets the first part only",
	caught: []string{"parts/set", "parts/no-levels"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if c.Op != store.SetRemaining {
			return w.decide(c)
		}
		was := w.statesOf(c)
		err := w.decide(c)
		w.put(c, was, func(part int, _ key) bool { return part > 0 })
		return err
	}),
}, {
	name:   "SetRemaining of several parts reports what remained before",
	caught: []string{"parts/set"},
	counter: severally(func(w *wider, c *store.Charge) error {
		o := clone(c)
		if o.Op == store.SetRemaining {
			o.Op = store.Spend
			for i := range o.Parts {
				clear(o.Parts[i].N)
			}
			w.take(o)
		}
		err := w.decide(c)
		if c.Op == store.SetRemaining {
			copyAnswer(c, o)
		}
		return err
	}),
}, {
	name:   "keeps whole tokens in charges of several parts",
	caught: []string{"parts/refill"},
	counter: severally(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		w.mu.Lock()
		defer w.mu.Unlock()
		meters(c, func(p *store.Part, i int) {
			if s, ok := w.states[keyOf(p, i)]; ok && c.OK && c.Changes(p, i) {
				s.Bucket.Part = 0
				w.states[owned(keyOf(p, i))] = s
			}
		})
		return err
	}),
}, {
	name:   "refills the buckets of the first part only",
	caught: []string{"parts/refill", "parts/spent"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			for _, p := range o.Parts[1:] {
				for i := range p.Meters {
					p.Meters[i].Rate = store.Rate{}
				}
			}
		})
	}),
}, {
	name:   "believes the Place of every part but the first",
	caught: []string{"parts/place"},
	counter: severally(func(w *wider, c *store.Charge) error {
		o := clone(c)
		for i := range c.Parts {
			place := c.Parts[i].Place
			believed := place > 0 && place <= uint64(len(w.places))
			if i > 0 && believed && !slices.Contains(subjects(o), w.places[place-1]) {
				o.Parts[i].Subject = w.places[place-1]
			}
			w.places = append(w.places, strings.Clone(c.Parts[i].Subject))
			c.Parts[i].Place = uint64(len(w.places))
		}
		err := w.decide(o)
		copyAnswer(c, o)
		return err
	}),
}}

// alikeParts makes a flawed counter that decides a part of each charge.
func alikeParts(cut func(o *store.Charge)) func() store.Counter {
	return severally(func(w *wider, c *store.Charge) error {
		o := clone(c)
		cut(o)
		err := w.decide(o)
		copyAnswer(c, o)
		return err
	})
}
