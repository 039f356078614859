package storetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var partRaceFlaws = []flaw{{
	name:   "decides all parts on what it has read, and writes later",
	caught: []string{"race/parts"},
	counter: severally(func(w *wider, c *store.Charge) error {
		w.rewriteParts(c)
		return nil
	}),
}, {
	name:   "locks the first part only",
	caught: []string{"race/parts"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.under(c, subjects(c)[:1], w.rewriteParts)
	}),
}, {
	name:    "locks the parts in the order of the charge",
	caught:  []string{"race/parts"},
	counter: severally(func(w *wider, c *store.Charge) error { return w.under(c, subjects(c), w.take) }),
}, {
	name:   "charges one part after the other, and gives back what it took if a later one refuses",
	caught: []string{"race/parts-seen"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if onlyReadsParts(c) || c.Op != store.Spend {
			return w.decide(c)
		}
		return chargeInTurn(w, c)
	}),
}, {
	name:   "reads one part after the other",
	caught: []string{"race/parts-seen"},
	counter: severally(func(w *wider, c *store.Charge) error {
		if !onlyReadsParts(c) {
			return w.decide(c)
		}
		for i := range c.Parts {
			o := onePart(c, i)
			w.take(o)
			copy(c.Parts[i].Levels, o.Parts[0].Levels)
			wait()
		}
		c.OK = true
		return nil
	}),
}, {
	name:   "has one lock for charges of several parts and another for TakeOne",
	caught: []string{"race/parts-one"},
	counter: func() store.Counter {
		w := newWider()
		w.decides = func(w *wider, c *store.Charge) error {
			if len(c.Parts) < 2 {
				return w.decide(c)
			}
			return w.under(c, []string{"parts"}, w.rewriteParts)
		}
		return oneElsewhere{w, func(subject string) string { return subject }}
	},
}, {
	name:   "Peek does not wait for a charge that may give back what it has taken",
	caught: []string{"race/parts-peek"},
	counter: func() store.Counter {
		w := newWider()
		w.decides = func(w *wider, c *store.Charge) error {
			return w.under(c, []string{"all"}, func(c *store.Charge) {
				if len(c.Parts) < 2 || onlyReadsParts(c) || c.Op != store.Spend {
					_ = w.decide(c)
				} else {
					_ = chargeInTurn(w, c)
				}
			})
		}
		return peeksModel{w}
	},
}, {
	name:   "TakeOne finds a subject of a family by its name alone",
	caught: []string{"one/parts"},
	counter: func() store.Counter {
		return oneElsewhere{newWider(), func(subject string) string { return subject[strings.LastIndexByte(subject, '>')+1:] }}
	},
}, {
	name:    "TakeOne charges the family beside its subject",
	caught:  []string{"one/parts"},
	counter: func() store.Counter { return oneOfFamily{newWider()} },
}, {
	name:   "Peek reads a cache that charges of several parts do not renew",
	caught: []string{"peek/parts"},
	counter: func() store.Counter {
		w := newWider()
		w.decides = func(w *wider, c *store.Charge) error {
			if len(c.Parts) == 1 {
				_ = w.copy.decide(clone(c))
			}
			return w.decide(c)
		}
		return peeksCopy{w}
	},
}, {
	name:   "Peek shows what a refused charge took from the parts before the one that refused",
	caught: []string{"peek/parts"},
	counter: func() store.Counter {
		w := newWider()
		w.decides = func(w *wider, c *store.Charge) error {
			err := w.decide(c)
			if o := clone(c); c.OK || len(c.Parts) == 1 {
				_ = w.copy.decide(o)
			} else {
				o.Parts = o.Parts[:1]
				meters(o, func(p *store.Part, i int) { p.Meters[i].Soft = true })
				_ = w.copy.decide(o)
			}
			return err
		}
		return peeksCopy{w}
	},
}, {
	name:    "stops between two parts when ctx ends",
	caught:  []string{"ctx/parts"},
	counter: endsBetween(func(err error) error { return err }),
}, {
	name:    "says of a charge of several parts whose ctx ended that nothing was taken",
	caught:  []string{"ctx/parts"},
	counter: endsBetween(notTaken),
}, {
	name:    "reports success of the parts that it has charged when ctx ends",
	caught:  []string{"ctx/parts"},
	counter: endsBetween(func(error) error { return nil }),
}, {
	name:   "refunds to an older window in the first part only",
	caught: []string{"random/parts"},
	counter: severally(func(w *wider, c *store.Charge) error {
		return w.as(c, func(o *store.Charge) {
			for _, p := range o.Parts[1:] {
				for i, m := range p.Meters {
					if p.N[i] < 0 && m.IsWindow() && m.End <= instant(c).Unix() && o.Op == store.Spend {
						p.N[i] = 0
					}
				}
			}
		})
	}),
}, {
	name:   "takes a soft meter for a hard one if another part gives units back",
	caught: []string{"random/parts"},
	counter: severally(func(w *wider, c *store.Charge) error {
		gives := slices.ContainsFunc(c.Parts, func(p store.Part) bool { return slices.ContainsFunc(p.N, func(n int64) bool { return n < 0 }) })
		return w.as(c, func(o *store.Charge) {
			meters(o, func(p *store.Part, i int) { p.Meters[i].Soft = p.Meters[i].Soft && !gives })
		})
	}),
}}

// chargeInTurn charges one part after the other. If one refuses, it gives back what the
// others took, and then decides as the model.
func chargeInTurn(w *wider, c *store.Charge) error {
	was := w.statesOf(c)
	for i := range c.Parts {
		o := onePart(c, i)
		if w.take(o); o.OK {
			copy(c.Parts[i].Levels, o.Parts[0].Levels)
			wait()
			continue
		}
		for j := range i {
			back := onePart(c, j)
			for n := range back.Parts[0].N {
				back.Parts[0].N[n] *= -1
			}
			w.take(back)
			w.dropUnused(back, was)
		}
		return w.decide(c)
	}
	c.OK = true
	return nil
}

// dropUnused drops the states of c that were made since and are unused again.
func (w *wider) dropUnused(c *store.Charge, was map[key]store.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	meters(c, func(p *store.Part, i int) {
		k := keyOf(p, i)
		if _, ok := was[k]; !ok && p.Levels[i].Used == 0 {
			delete(w.states, k)
		}
	})
}

// onlyReadsParts reports whether no part of c takes units or gives any back.
func onlyReadsParts(c *store.Charge) bool {
	return c.Op == store.Spend && !slices.ContainsFunc(c.Parts, func(p store.Part) bool { return !isZero(p.N) })
}

// endsBetween makes a flawed counter that charges only the first part if ctx ends during
// a charge of several parts.
func endsBetween(fails func(err error) error) func() store.Counter {
	return ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		if err := ctx.Err(); len(c.Parts) > 1 && err != nil {
			m.take(onePart(c, 0))
			c.OK = true
			return fails(err)
		}
		return m.Take(context.WithoutCancel(ctx), c)
	})
}

// oneElsewhere is a counter whose TakeOne has other subjects than Take, and no lock.
type oneElsewhere struct {
	*wider
	subject func(subject string) string
}

func (o oneElsewhere) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	c := &store.Charge{At: at, Parts: []store.Part{store.NewPart(o.subject(subject), n, *m)}}
	wait()
	err := o.model.Take(ctx, c)
	return c.Parts[0].Levels[0], c.OK, err
}

// oneOfFamily is a counter whose TakeOne of a subject also charges the family.
type oneOfFamily struct{ *wider }

func (o oneOfFamily) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	c := &store.Charge{At: at, Parts: []store.Part{store.NewPart(subject, n, *m)}}
	err := o.model.Take(ctx, c)
	if family := store.Family(subject); family != subject && err == nil && c.OK {
		one := store.NewCharge(family, n, *m)
		one.At = at
		err = o.model.Take(ctx, one)
	}
	return c.Parts[0].Levels[0], c.OK, err
}

// peeksCopy is a counter with a Peek of its copy.
type peeksCopy struct{ *wider }

func (p peeksCopy) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	if err := store.Peek(ctx, p.model, at, subjects, meters, levels, last); err != nil || len(meters) != 1 || meters[0].Name != "day" || len(subjects) != 3 {
		return err
	}
	return store.Peek(ctx, p.copy, at, subjects, meters, levels, last)
}

// peeksModel is a counter whose Peek takes no lock of its own.
type peeksModel struct{ *wider }

func (p peeksModel) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	wait()
	return store.Peek(ctx, p.model, at, subjects, meters, levels, last)
}
