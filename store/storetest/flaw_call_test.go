package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var callFlaws = []flaw{{
	name:   "changes meters",
	caught: []string{"own/meters"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		slices.Reverse(c.Parts[0].Meters)
	},
}, {
	name:   "writes to the charge after return",
	caught: []string{"own/after-return"},
	take: func(f *flawed, c *store.Charge) {
		if f.last != nil {
			f.last.Parts[0].Levels[0].Used++
		}
		f.model.take(c)
		f.last = c
	},
}, {
	name:   "keeps the subject without a copy",
	caught: []string{"own/reuse"},
	take: func(f *flawed, c *store.Charge) { // like a map whose keys change under it
		for is, was := range f.alias {
			if is == c.Parts[0].Subject {
				f.as(c, func(o *store.Charge) { o.Parts[0].Subject = was })
				return
			}
		}
		f.alias[c.Parts[0].Subject] = strings.Clone(c.Parts[0].Subject)
		f.model.take(c)
	},
}, {
	name:   "decides on a stale read",
	caught: []string{"race/one-subject", "race/many-subjects"},
	take: func(f *flawed, c *store.Charge) {
		o := clone(c)
		clear(o.Parts[0].N)
		f.model.take(o)
		for i := range c.Parts[0].Meters {
			if c.Parts[0].N[i] > o.Parts[0].Levels[i].Remaining() {
				f.model.take(c)
				return
			}
		}
		// waits, in a bubble of testing/synctest, until the others have read too
		time.Sleep(time.Nanosecond)
		f.meterwise(c, func(m *store.Meter, n *int64) {
			if m.IsWindow() {
				m.Max = store.Unlimited
			}
		})
	},
}, {
	name:   "overwrites concurrent charges",
	caught: []string{"race/one-subject", "race/reuse"},
	take:   overwrite,
}, {
	name:   "overwrites concurrent charges with a refund",
	caught: []string{"race/give-back"},
	take: func(f *flawed, c *store.Charge) {
		if c.Parts[0].N[0] < 0 {
			overwrite(f, c)
		} else {
			f.model.take(c)
		}
	},
}, {
	name:    "ignores ctx",
	caught:  []string{"call/cancelled"},
	counter: func() store.Counter { return unchecked{newModel(), false, true} },
}, {
	name:    "checks nothing",
	caught:  []string{"call/invalid", "peek/invalid"},
	counter: func() store.Counter { return unchecked{newModel(), true, false} },
}, {
	name:    "checks ctx after the charge",
	caught:  []string{"call/cancelled"},
	counter: func() store.Counter { return lateCheck{newModel()} },
}, {
	name:    "undoes a charge when its ctx is cancelled later",
	caught:  []string{"call/begun"},
	counter: func() store.Counter { return &undoes{model: newModel()} },
}, {
	name:   "Peek with other levels than Take",
	caught: []string{"peek/as-take"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		err := store.Peek(ctx, m, at, subjects, meters, levels, last)
		for i := range levels {
			levels[i].Reset = 0
		}
		return err
	},
}, {
	name:   "Peek of the first seventeen meters only",
	caught: []string{"peek/as-take"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		for i, who := range subjects {
			some := meters[:min(len(meters), store.MaxMeters)]
			if err := store.Peek(ctx, m, at, []string{who}, some, levels[i*len(meters):], lastFrom(last, i*len(meters))); err != nil {
				return err
			}
		}
		return nil
	},
}, {
	name:   "Peek that writes past its levels",
	caught: []string{"peek/as-take", "peek/nothing"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		clear(levels)
		if err := store.Peek(ctx, m, at, subjects, meters, levels, last); err != nil {
			return err
		}
		levels[len(levels)-1].Max++
		return nil
	},
}, {
	name:   "Peek that stores what it read",
	caught: []string{"peek/changes-nothing"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		for _, who := range subjects {
			for i := range meters {
				c := &store.Charge{At: at, Parts: []store.Part{store.NewPart(who, 0, meters[i:i+1]...)}}
				m.states[keyOf(&c.Parts[0], 0)], _, _ = after(m.states[keyOf(&c.Parts[0], 0)], &meters[i], at, at.UnixMicro(), 0, false)
			}
		}
		return store.Peek(ctx, m, at, subjects, meters, levels, last)
	},
}, {
	name:   "Peek without checks",
	caught: []string{"call/cancelled", "peek/invalid"},
	peek: func(m *model, _ context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		for _, who := range subjects {
			for i := range meters {
				c := &store.Charge{At: at, Parts: []store.Part{store.NewPart(who, 0, meters[i:i+1]...)}}
				m.take(c)
				levels[i] = c.Parts[0].Levels[0]
			}
		}
		return nil
	},
}}

// unchecked is the model without one of its checks.
type unchecked struct {
	*model
	ctx, charge bool // the checks that it makes
}

func (u unchecked) Take(ctx context.Context, c *store.Charge) error {
	if u.ctx && ctx.Err() != nil || u.charge && c.Check() != nil {
		return u.model.Take(ctx, c)
	}
	u.model.take(c)
	return nil
}

// lateCheck is the model, but checks ctx after the charge.
type lateCheck struct{ *model }

func (h lateCheck) Take(ctx context.Context, c *store.Charge) error {
	if err := c.Check(); err != nil {
		return err
	}
	h.model.take(c)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, err)
	}
	return nil
}

// undoes is the model, but undoes a charge whose ctx is cancelled afterwards.
type undoes struct {
	*model
	last   context.Context
	before map[key]store.State
}

func (f *undoes) Take(ctx context.Context, c *store.Charge) error {
	if f.last != nil && f.last.Err() != nil {
		f.states = f.before
	}
	f.last, f.before = ctx, maps.Clone(f.states)
	return f.model.Take(ctx, c)
}

// peeking is the model with another Peek.
type peeking struct {
	*model
	peek func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error
}

func (p peeking) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	return p.peek(p.model, ctx, at, subjects, meters, levels, last)
}

// overwrite reads, decides and writes, and lets others in between.
func overwrite(f *flawed, c *store.Charge) {
	f.model.mu.Lock()
	o := model{states: map[key]store.State{}}
	for i := range c.Parts[0].Meters {
		o.states[keyOf(&c.Parts[0], i)] = f.states[keyOf(&c.Parts[0], i)]
	}
	f.model.mu.Unlock()
	// waits, in a bubble of testing/synctest, until the others have read too
	time.Sleep(time.Nanosecond)
	o.take(c)
	f.model.mu.Lock()
	maps.Copy(f.states, o.states)
	f.model.mu.Unlock()
}
