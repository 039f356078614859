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

// ctxFlaw makes a flawed counter of a Take that gets a sound charge and a ctx that is not
// done. A charge without an instant gets one first, because a flaw may wait.
func ctxFlaw(take func(m *model, ctx context.Context, c *store.Charge) error) func() store.Counter {
	return func() store.Counter { return underCtx{newModel(), take} }
}

type underCtx struct {
	*model
	charge func(m *model, ctx context.Context, c *store.Charge) error
}

func (u underCtx) Take(ctx context.Context, c *store.Charge) error {
	if err := soundly(ctx, c); err != nil {
		return err
	}
	return u.charge(u.model, ctx, c)
}

// soundly makes the checks that a Take begins with.
func soundly(ctx context.Context, c *store.Charge) error {
	if err := ctx.Err(); err != nil {
		return notTaken(err)
	}
	return c.Check()
}

func notTaken(err error) error { return fmt.Errorf("%w: %w", store.ErrNotTaken, err) }

// now returns a copy of c whose instant is set, so that time may pass before it is made.
func now(c *store.Charge) *store.Charge {
	o := clone(c)
	if o.At.IsZero() {
		o.At = time.Now()
	}
	return o
}

// statesOf returns a copy of the states of the meters of c that exist.
func (m *model) statesOf(c *store.Charge) map[key]store.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	states := map[key]store.State{}
	for i := range c.Parts[0].Meters {
		if s, ok := m.states[keyOf(&c.Parts[0], i)]; ok {
			states[keyOf(&c.Parts[0], i)] = s
		}
	}
	return states
}

// restore makes the states of the meters from i on what they were.
func (m *model) restore(c *store.Charge, i int, was map[key]store.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ; i < len(c.Parts[0].Meters); i++ {
		delete(m.states, keyOf(&c.Parts[0], i))
	}
	maps.Copy(m.states, was)
}

var ctxFlaws = []flaw{{
	name:   "checks ctx before and after a charge of several meters",
	caught: []string{"ctx/under-way"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		m.take(c)
		if len(c.Parts[0].Meters) > 1 && ctx.Err() != nil {
			return notTaken(ctx.Err())
		}
		return nil
	}),
}, {
	name:   "stops between two meters when ctx ends",
	caught: []string{"ctx/under-way"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		was := m.statesOf(c)
		m.take(c)
		if len(c.Parts[0].Meters) < 2 || ctx.Err() == nil {
			return nil
		}
		delete(was, keyOf(&c.Parts[0], 0))
		m.restore(c, 1, was)
		return ctx.Err()
	}),
}, {
	name:   "repeats a charge of several meters whose ctx ended",
	caught: []string{"ctx/under-way"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		m.take(c)
		if len(c.Parts[0].Meters) > 1 && ctx.Err() != nil {
			m.take(c)
		}
		return nil
	}),
}, {
	name:   "reports success though it rolled back a charge whose ctx ended",
	caught: []string{"ctx/under-way"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		was := m.statesOf(c)
		m.take(c)
		if len(c.Parts[0].Meters) > 1 && ctx.Err() != nil {
			m.restore(c, 0, was)
		}
		return nil
	}),
}, {
	name:    "TakeOne checks ctx before and after the charge",
	caught:  []string{"ctx/one"},
	counter: func() store.Counter { return lateOne{newModel()} },
}, {
	name:   "writes to the Charge of a caller that has gone",
	caught: []string{"ctx/gone"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		o := independent(c)
		return behind(ctx, func(bool) {
			m.take(o)
			m.mu.Lock()
			defer m.mu.Unlock()
			copyAnswer(c, o)
		})
	}),
}, {
	name:   "reads the subject of a caller that has gone",
	caught: []string{"ctx/gone"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		o := independent(c)
		o.Parts[0].Subject = c.Parts[0].Subject
		return behind(ctx, answer(m, o, c))
	}),
}, {
	name:   "reads the meters of a caller that has gone",
	caught: []string{"ctx/gone"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		o := independent(c)
		if len(c.Parts[0].Meters) > 1 { // the fallback of store.One reuses its meter, too
			o.Parts[0].Meters = c.Parts[0].Meters
		}
		return behind(ctx, answer(m, o, c))
	}),
}, {
	name:   "Peek returns what it has read when ctx ends",
	caught: []string{"ctx/peek"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		for i, who := range subjects {
			if i > 0 && ctx.Err() != nil {
				return nil
			}
			if err := store.Peek(context.WithoutCancel(ctx), m, at, []string{who}, meters, levels[i*len(meters):], lastFrom(last, i*len(meters))); err != nil {
				return err
			}
			if i == 0 && ctx.Err() != nil {
				return notTaken(ctx.Err())
			}
		}
		return nil
	},
}, {
	name:   "Peek fills in the levels of a caller that has gone",
	caught: []string{"ctx/peek"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		if err := ctx.Err(); err != nil {
			return notTaken(err)
		}
		if at.IsZero() {
			at = time.Now()
		}
		read := make([]store.Level, len(subjects)*len(meters))
		if err := store.Peek(context.WithoutCancel(ctx), m, at, subjects, meters, read, last); err != nil {
			return err
		}
		return behind(ctx, func(bool) {
			m.mu.Lock()
			defer m.mu.Unlock()
			copy(levels, read)
		})
	},
}, {
	name:    "keeps the error of a first caller whose ctx was done",
	caught:  []string{"ctx/first"},
	counter: func() store.Counter { return &setsUp{model: newModel()} },
}, {
	name:   "returns the cause of ctx instead of its error",
	caught: []string{"ctx/cause"},
	counter: func() store.Counter {
		return unchecking(func(m *model, ctx context.Context, c *store.Charge) error {
			if ctx.Err() != nil {
				return notTaken(context.Cause(ctx))
			}
			return m.Take(ctx, c)
		})
	},
}, {
	name:   "a deadline in whole seconds",
	caught: []string{"ctx/deadline"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		if d, ok := ctx.Deadline(); ok && int(time.Until(d).Seconds()) == 0 && len(c.Parts[0].Meters) == 1 && time.Until(d) > time.Millisecond {
			return notTaken(context.DeadlineExceeded)
		}
		m.take(c)
		return nil
	}),
}, {
	name:   "a deadline in 32-bit milliseconds",
	caught: []string{"ctx/deadline"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		if d, ok := ctx.Deadline(); ok && int32(time.Until(d).Milliseconds()) < 0 {
			return notTaken(context.DeadlineExceeded)
		}
		m.take(c)
		return nil
	}),
}, {
	name:   "a deadline that overflows with the time that is added to it",
	caught: []string{"ctx/deadline"},
	counter: ctxFlaw(func(m *model, ctx context.Context, c *store.Charge) error {
		if d, ok := ctx.Deadline(); ok && time.Until(d)+time.Second < 0 {
			return notTaken(context.DeadlineExceeded)
		}
		m.take(c)
		return nil
	}),
}, {
	name:   "does not give back the connection of a caller that has gone",
	caught: []string{"ctx/many"},
	counter: func() store.Counter {
		return &connections{newModel(), make(chan struct{}, 20)}
	},
}}

// independent returns a copy of c that shares nothing with it.
func independent(c *store.Charge) *store.Charge {
	o := now(c)
	o.Parts[0].Subject, o.Parts[0].Meters = strings.Clone(c.Parts[0].Subject), slices.Clone(c.Parts[0].Meters)
	for i := range o.Parts[0].Meters {
		o.Parts[0].Meters[i].Name = strings.Clone(o.Parts[0].Meters[i].Name)
	}
	return o
}

// behind calls f. If ctx ends meanwhile, it returns before f has, and the argument of f
// is true.
func behind(ctx context.Context, f func(gone bool)) error {
	if ctx.Err() == nil {
		f(false)
		return nil
	}
	go func() {
		wait()
		f(true)
	}()
	return ctx.Err()
}

// answer makes the charge o. It gives c the answer unless its caller has gone.
func answer(m *model, o, c *store.Charge) func(gone bool) {
	return func(gone bool) {
		m.take(o)
		if !gone {
			copyAnswer(c, o)
		}
	}
}
