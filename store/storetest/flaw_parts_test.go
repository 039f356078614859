package storetest

import (
	"context"
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
	name:   "keeps the limits of teams and organisations in a cache",
	caught: []string{"parts/all", "parts/none"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			w.one.Lock()
			defer w.one.Unlock()
			for p := range o.Parts[1:] {
				for i := range o.Parts[p+1].Meters {
					m, k := &o.Parts[p+1].Meters[i], owned(keyOf(&o.Parts[p+1], i))
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
	caught: []string{"parts/levels", "parts/none", "parts/order", "parts/new", "soft/beside"},
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
	name:   "takes the family for the subject",
	caught: []string{"parts/one-name"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			o.Parts[i].Subject = store.Family(o.Parts[i].Subject)
		}
	}),
}, {
	name:   "trims the '>' of a subject",
	caught: []string{"parts/one-name"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			o.Parts[i].Subject = strings.TrimRight(o.Parts[i].Subject, ">")
		}
	}),
}, {
	name:   "cuts a subject at its second '>'",
	caught: []string{"parts/one-name"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			if family, rest, ok := strings.Cut(o.Parts[i].Subject, ">"); ok {
				rest, _, _ = strings.Cut(rest, ">")
				o.Parts[i].Subject = family + ">" + rest
			}
		}
	}),
}, {
	name:   "names a subject by what follows its family",
	caught: []string{"parts/one-name"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			if _, rest, ok := strings.Cut(o.Parts[i].Subject, ">"); ok {
				o.Parts[i].Subject = ">" + rest
			}
		}
	}),
}, {
	name:   "takes what precedes the last '>' for the family",
	caught: []string{"parts/one-name"},
	counter: severally(func(w *wider, c *store.Charge) error {
		family := func(subject string) string {
			if i := strings.LastIndexByte(subject, '>'); i >= 0 {
				return subject[:i]
			}
			return subject
		}
		for i := range c.Parts {
			if family(c.Parts[i].Subject) != family(c.Parts[0].Subject) {
				return apart()
			}
		}
		return w.decide(c)
	}),
}, {
	name:    "decides subjects of one family in one step only if they are in one slot",
	caught:  []string{"parts/all"},
	counter: severally(func(w *wider, c *store.Charge) error { return apart() }),
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
	name:   "keeps the subjects that a refusal would have made",
	caught: []string{"parts/new"},
	counter: severally(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		if !c.OK {
			w.makeBuckets(c, func(p *store.Part) bool { return true })
		}
		return err
	}),
}, {
	name:   "makes a subject for a part that only reads",
	caught: []string{"parts/new"},
	counter: severally(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		if c.OK && c.Op == store.Spend {
			w.makeBuckets(c, func(p *store.Part) bool { return isZero(p.N) })
		}
		return err
	}),
}, {
	name:   "expects room for levels",
	caught: []string{"parts/no-levels"},
	counter: widely(func(w *wider, c *store.Charge) error {
		err := w.decide(c)
		meters(c, func(p *store.Part, i int) { p.Levels[i].Reset = max(0, p.Levels[i].Reset) })
		return err
	}),
}, {
	name:   "takes a part without levels for one that is not charged",
	caught: []string{"parts/no-levels"},
	counter: alike(func(o *store.Charge) {
		for i := range o.Parts {
			if o.Parts[i].Levels == nil {
				clear(o.Parts[i].N)
			}
		}
	}),
}, {
	name:   "takes a part without meters for the end of a charge",
	caught: []string{"parts/without-meters"},
	counter: alikeParts(func(o *store.Charge) {
		if end := slices.IndexFunc(o.Parts, func(p store.Part) bool { return len(p.Meters) == 0 }); end >= 0 {
			o.Parts = o.Parts[:end]
		}
	}),
}, {
	name:   "refuses a charge of several parts of which one has no meters",
	caught: []string{"parts/without-meters"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if slices.ContainsFunc(c.Parts, func(p store.Part) bool { return len(p.Meters) == 0 }) {
			o := clone(c)
			for i := range o.Parts {
				clear(o.Parts[i].N)
			}
			_ = w.decide(o)
			copyAnswer(c, o)
			c.OK = false
			return nil
		}
		return w.decide(c)
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
	name:    "drops a subject that is spent while the charge still writes to it",
	caught:  []string{"parts/spent"},
	counter: severally(dropsSpent),
}, {
	name:   "charges the first family before it finds that another is elsewhere",
	caught: []string{"parts/families"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if oneFamily(c) {
			return w.decide(c)
		}
		w.take(onePart(c, 0))
		return apart()
	}),
}, {
	name:   "says that families are apart, but not that nothing was taken",
	caught: []string{"parts/families"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if oneFamily(c) {
			return w.decide(c)
		}
		return store.ErrApart
	}),
}, {
	name:   "decides families one after the other",
	caught: []string{"race/families", "parts/families"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if oneFamily(c) {
			return w.decide(c)
		}
		c.OK = true
		for i := range c.Parts {
			o := onePart(c, i)
			w.take(o)
			copy(c.Parts[i].Levels, o.Parts[0].Levels)
			c.OK = c.OK && o.OK
			wait()
		}
		return nil
	}),
}, {
	name:   "locks the families in the order of the charge",
	caught: []string{"race/families"},
	counter: severally(func(w *wider, c *store.Charge) error {
		var families []string
		for _, subject := range subjects(c) {
			families = append(families, store.Family(subject))
		}
		if oneFamily(c) {
			families = families[:1]
		}
		return w.under(c, families, w.take)
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
}, {
	name:    "takes an Op that it does not know for Spend",
	caught:  []string{"parts/invalid"},
	counter: mends(func(c *store.Charge) bool { return c.Op > store.Move }, func(c *store.Charge) { c.Op = store.Spend }),
}, {
	name:   "does not look at the Kind of a meter",
	caught: []string{"parts/invalid", "call/invalid", "peek/invalid", "one/call"},
	counter: mends(func(c *store.Charge) bool { return true }, func(c *store.Charge) {
		meters(c, func(p *store.Part, i int) { p.Meters[i].Kind = store.Plain })
	}),
}, {
	name:   "decides any number of parts",
	caught: []string{"parts/invalid"},
	counter: mends(func(c *store.Charge) bool { return len(c.Parts) > store.MaxParts }, func(c *store.Charge) {
		c.Parts = c.Parts[:store.MaxParts]
	}),
}, {
	name:   "admits a charge of no parts",
	caught: []string{"parts/invalid"},
	counter: mends(func(c *store.Charge) bool { return len(c.Parts) == 0 }, func(c *store.Charge) {
		c.Parts = []store.Part{{Subject: "nobody"}}
	}),
}, {
	name:   "charges a subject that is there twice once",
	caught: []string{"parts/invalid"},
	counter: mends(func(c *store.Charge) bool { return len(c.Parts) == 3 && c.Parts[0].Subject == c.Parts[2].Subject }, func(c *store.Charge) {
		c.Parts = c.Parts[:2]
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

// mends makes a flawed counter that mends some charges instead of refusing them.
func mends(which func(c *store.Charge) bool, mend func(c *store.Charge)) func() store.Counter {
	return func() store.Counter { return mending{newModel(), which, mend} }
}

type mending struct {
	*model
	which func(c *store.Charge) bool
	mend  func(c *store.Charge)
}

func (m mending) Take(ctx context.Context, c *store.Charge) error {
	if !m.which(c) {
		return m.model.Take(ctx, c)
	}
	o := clone(c)
	m.mend(o)
	err := m.model.Take(ctx, o)
	copyAnswer(c, o)
	return err
}

// makeBuckets stores the buckets that do not exist yet as full ones.
func (w *wider) makeBuckets(c *store.Charge, of func(p *store.Part) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	meters(c, func(p *store.Part, i int) {
		m, k := &p.Meters[i], keyOf(p, i)
		if _, ok := w.states[k]; !ok && !m.IsWindow() && m.Max > 0 && of(p) {
			w.states[owned(k)] = store.State{Bucket: store.Bucket{Tokens: m.Max, Per: max(m.Rate.Per, 1), Last: instant(c).UnixMicro()}}
		}
	})
}

// dropsSpent loses what a charge takes from buckets that were full again, if the charge
// also makes a subject.
func dropsSpent(w *wider, c *store.Charge) error {
	was := w.statesOf(c)
	makes := slices.ContainsFunc(c.Parts, func(p store.Part) bool {
		return !isZero(p.N) && !slices.ContainsFunc(p.Meters, func(m store.Meter) bool {
			_, ok := was[key{p.Subject, m.Name, m.IsWindow(), m.Start}]
			return ok
		})
	})
	err := w.decide(c)
	w.mu.Lock()
	defer w.mu.Unlock()
	meters(c, func(p *store.Part, i int) {
		m, k := &p.Meters[i], keyOf(p, i)
		if s, ok := was[k]; ok && makes && c.OK && !m.IsWindow() && m.Max > 0 && s.Bucket.Tokens < m.Max && s.Bucket.FullAt(m) <= instant(c).UnixMicro() {
			delete(w.states, k)
		}
	})
	return err
}
