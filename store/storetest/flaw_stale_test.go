package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

var staleFlaws = []flaw{{
	name:   "a read by Take that makes a bucket",
	caught: []string{"read/absent", "move/onto-untouched"},
	counter: func() store.Counter {
		make := func(o *stateful, c *store.Charge) {
			if o.model.take(c); onlyReads(c) {
				o.makes(c)
			}
		}
		return ownPeek{withState(make)().(*stateful)}
	},
}, {
	name:   "a refusal that makes a bucket",
	caught: []string{"read/absent"},
	counter: withState(func(o *stateful, c *store.Charge) {
		if o.model.take(c); !c.OK {
			o.makes(c)
		}
	}),
}, {
	name:   "a charge that stores what it only reads",
	caught: []string{"read/beside"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.model.take(c)
		for i := range c.Parts[0].Meters {
			if m := &c.Parts[0].Meters[i]; c.OK && !onlyReads(c) && !hasCharged(c, i) {
				s, _, _ := after(o.states[keyOf(&c.Parts[0], i)], m, instant(c), instant(c).UnixMicro(), 0, false)
				o.states[o.key(c, i)] = s
			}
		}
	}),
}, {
	name:   "a read that sets the lifetime of a window",
	caught: []string{"read/lifetime"},
	counter: withState(func(o *stateful, c *store.Charge) {
		forgetsWindows(func(m *store.Meter, _ time.Time) time.Time { return time.Unix(m.End, 0).Add(m.Keep) })(o, c)
		for i, m := range c.Parts[0].Meters {
			k := keyOf(&c.Parts[0], i)
			if _, ok := o.ends[k]; ok && onlyReads(c) {
				o.ends[k] = time.Unix(m.End, 0).Add(m.Keep)
			}
		}
	}),
}, {
	name:   "a read that drops a bucket which it finds full",
	caught: []string{"read/refill"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.model.take(c)
		for i, m := range c.Parts[0].Meters {
			k := keyOf(&c.Parts[0], i)
			if before := o.states[k].Bucket; onlyReads(c) && !m.IsWindow() && c.Parts[0].Levels[i].Used == 0 && before.Tokens < m.Max && !instant(c).After(time.Now()) {
				delete(o.states, k)
			}
		}
	}),
}, {
	name:   "reads from a cache that only a charge of the first meter renews",
	caught: []string{"read/fresh"},
	counter: withState(func(o *stateful, c *store.Charge) {
		id := fmt.Sprintf("%q %+v", c.Parts[0].Subject, c.Parts[0].Meters)
		switch cached := o.cache[id]; {
		case !onlyReads(c):
			maps.DeleteFunc(o.cache, func(_ string, cached *store.Charge) bool {
				return slices.ContainsFunc(c.Parts[0].Meters, func(m store.Meter) bool { return m.Name == cached.Parts[0].Meters[0].Name })
			})
			o.model.take(c)
		case cached != nil && cached.At.Equal(c.At):
			c.OK = true
			copy(c.Parts[0].Levels[:], cached.Parts[0].Levels[:len(c.Parts[0].Meters)])
		default:
			if o.model.take(c); len(c.Parts[0].Meters) > 0 && !c.At.IsZero() {
				o.cache[id] = clone(c)
			}
		}
	}),
}, {
	name:    "TakeOne with a cache of its own",
	caught:  []string{"read/fresh-one"},
	counter: func() store.Counter { return oneCache{withState((*stateful).plain)().(*stateful)} },
}, {
	name:    "Peek in a transaction that stays open",
	caught:  []string{"read/fresh-peek"},
	counter: func() store.Counter { return peekCache{withState((*stateful).plain)().(*stateful), false} },
}, {
	name:    "Peek that remembers which subjects are absent",
	caught:  []string{"read/fresh-peek"},
	counter: func() store.Counter { return peekCache{withState((*stateful).plain)().(*stateful), true} },
}, {
	name:   "Peek that takes a zero instant as it is",
	caught: []string{"read/zero-instant"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		if at.IsZero() {
			at = at.Add(1)
		}
		return store.Peek(ctx, m, at, subjects, meters, levels, last)
	},
}, {
	name:   "an At in the first instant of 1970 taken as none",
	caught: []string{"read/epoch"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			if o.At.UnixNano() == 0 {
				o.At = time.Time{}
			}
		})
	},
}, {
	name:   "Peek with one row for each subject, even if it is asked for twice",
	caught: []string{"peek/twice"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		err := store.Peek(ctx, m, at, subjects, meters, levels, last)
		for i, who := range subjects {
			if slices.Index(subjects, who) < i {
				clear(levels[i*len(meters) : (i+1)*len(meters)])
			}
		}
		return err
	},
}, {
	name:   "Peek with one column for each meter, even if it is asked for twice",
	caught: []string{"peek/twice"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		err := store.Peek(ctx, m, at, subjects, meters, levels, last)
		for i := range len(subjects) * len(meters) {
			if slices.Index(meters, meters[i%len(meters)]) < i%len(meters) {
				levels[i] = store.Level{}
			}
		}
		return err
	},
}, {
	name:   "Peek of a hundred subjects",
	caught: []string{"peek/many"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		return store.Peek(ctx, m, at, subjects[:min(len(subjects), 100)], meters, levels, last)
	},
}}

func (o *stateful) plain(c *store.Charge) { o.model.take(c) }

// makes stores the buckets of c that do not exist yet, and have some capacity, as full
// ones.
func (o *stateful) makes(c *store.Charge) {
	for i, m := range c.Parts[0].Meters {
		if _, ok := o.states[keyOf(&c.Parts[0], i)]; !ok && !m.IsWindow() && m.Max > 0 {
			o.states[o.key(c, i)] = store.State{Bucket: store.Bucket{Tokens: m.Max, Per: max(m.Rate.Per, 1), Last: instant(c).UnixMicro()}}
		}
	}
}

// ownPeek is the model with a flaw that its Peek does not have.
type ownPeek struct{ *stateful }

func (p ownPeek) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	p.one.Lock()
	defer p.one.Unlock()
	return store.Peek(ctx, p.model, at, subjects, meters, levels, last)
}

// oneCache is the model with a TakeOne that reads what it has read before at that
// instant, unless it has charged the meter since.
type oneCache struct{ *stateful }

func (o oneCache) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	c := &store.Charge{At: at, Parts: []store.Part{{Subject: subject, Meters: []store.Meter{*m}, N: []int64{n}, Levels: make([]store.Level, 1)}}}
	o.one.Lock()
	id := fmt.Sprintf("%q %+v", subject, m)
	cached := o.cache[id]
	if n != 0 {
		delete(o.cache, id)
	}
	o.one.Unlock()
	if n == 0 && !at.IsZero() && ctx.Err() == nil && cached != nil && cached.At.Equal(at) {
		return cached.Parts[0].Levels[0], true, nil
	}
	if err := o.Take(ctx, c); err != nil || n != 0 {
		return c.Parts[0].Levels[0], c.OK, err
	}
	o.one.Lock()
	defer o.one.Unlock()
	o.cache[id] = c
	return c.Parts[0].Levels[0], c.OK, nil
}

// peekCache is the model with a Peek that answers as at the first Peek of that instant,
// of all subjects or of those that were absent.
type peekCache struct {
	*stateful
	absent bool
}

func (p peekCache) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	if err := store.Peek(ctx, p.stateful, at, subjects, meters, levels, last); err != nil || at.IsZero() {
		return err
	}
	p.one.Lock()
	defer p.one.Unlock()
	for i := range len(subjects) * len(meters) {
		id := fmt.Sprintf("%q %+v", subjects[i/len(meters)], meters[i%len(meters)])
		if cached := p.cache[id]; cached != nil && cached.At.Equal(at) {
			levels[i] = cached.Parts[0].Levels[0]
		} else if !p.absent || levels[i].Used == 0 {
			p.cache[id] = &store.Charge{At: at, Parts: []store.Part{{Levels: []store.Level{levels[i]}}}}
		}
	}
	return nil
}
