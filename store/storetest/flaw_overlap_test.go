package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

var overlapFlaws = []flaw{{
	name:   "locks only the first meter of a charge",
	caught: []string{"race/overlap"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		return under(l, keyOf(&c.Parts[0], 0), func() { l.rewrite(c, false) })
	}),
}, {
	name:   "has a lock for each set of meters",
	caught: []string{"race/overlap"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		var names []string
		for i := range c.Parts[0].Meters {
			names = append(names, fmt.Sprint(keyOf(&c.Parts[0], i)))
		}
		slices.Sort(names)
		return under(l, fmt.Sprint(names), func() { l.rewrite(c, false) })
	}),
}, {
	name:   "locks the meters in the order of the charge",
	caught: []string{"race/overlap"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		release, err := l.each(c, nil)
		if err != nil {
			return err
		}
		defer release()
		l.take(c)
		return nil
	}),
}, {
	name:   "locks the meters of a charge and writes all of the subject",
	caught: []string{"race/apart"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		release, err := l.each(c, byKey)
		if err != nil {
			return err
		}
		defer release()
		l.rewrite(c, true)
		return nil
	}),
}, {
	name:   "creates a subject that another caller has just created",
	caught: []string{"race/apart"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		release, err := l.each(c, byKey)
		if err != nil {
			return err
		}
		defer release()
		l.create(c)
		l.take(c)
		return nil
	}),
}, {
	name:   "reads each meter by itself",
	caught: []string{"race/read"},
	counter: func() store.Counter {
		return meterwise{newModel()}
	},
}, {
	name:   "Peek reads each meter by itself",
	caught: []string{"race/peek"},
	peek: func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
		if at.IsZero() {
			at = time.Now()
		}
		for i, who := range subjects {
			for j := range meters {
				if err := store.Peek(ctx, m, at, []string{who}, meters[j:j+1], levels[i*len(meters)+j:], lastFrom(last, i*len(meters)+j)); err != nil {
					return err
				}
				wait()
			}
		}
		return nil
	},
}, {
	name:   "reads the levels of a refusal again",
	caught: []string{"race/refused"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		if l.take(c); !c.OK {
			wait()
			wait()
			l.model.mu.Lock()
			defer l.model.mu.Unlock()
			l.levels(c)
		}
		return nil
	}),
}, {
	name:   "reads the levels of a refund again",
	caught: []string{"race/refunds"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		if l.take(c); c.Parts[0].N[0] < 0 && c.Op != store.SetRemaining && c.OK {
			wait()
			o := clone(c)
			clear(o.Parts[0].N)
			l.take(o)
			c.Parts[0].Levels = o.Parts[0].Levels
		}
		return nil
	}),
}, {
	name:   "looks whether a refund fits and subtracts it later",
	caught: []string{"race/zero"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		was := l.statesOf(c)
		for i := range c.Parts[0].Meters {
			if s := was[keyOf(&c.Parts[0], i)]; c.Op != store.SetRemaining && c.Parts[0].Meters[i].IsWindow() && c.Parts[0].N[i] < 0 && s.Window.Used >= -c.Parts[0].N[i] {
				wait()
				l.subtract(c, i)
				return nil
			}
		}
		l.take(c)
		return nil
	}),
}, {
	name:   "stores the full bucket that a refund leaves after a moment",
	caught: []string{"race/holders"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		l.take(c)
		for i := range c.Parts[0].Meters {
			if was := l.statesOf(c); c.OK && c.Parts[0].N[i] < 0 && !c.Parts[0].Meters[i].IsWindow() && c.Op != store.SetRemaining && c.Parts[0].Levels[i].Used == 0 {
				wait()
				l.put(c, i, was[keyOf(&c.Parts[0], i)])
			}
		}
		return nil
	}),
}, {
	name:   "deletes a window that a refund has emptied, even if it was charged since",
	caught: []string{"race/holders"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		l.take(c)
		for i := range c.Parts[0].Meters {
			w := l.statesOf(c)[keyOf(&c.Parts[0], i)].Window
			empty := w.Used == 0 && w.Extra == 0
			if c.OK && c.Parts[0].N[i] < 0 && c.Parts[0].Meters[i].IsWindow() && c.Op != store.SetRemaining && empty {
				wait()
				l.put(c, i, store.State{})
			}
		}
		return nil
	}),
}, {
	name:   "TakeOne has a lock of its own",
	caught: []string{"race/take-one"},
	counter: func() store.Counter {
		return oneApart{&locking{model: newModel(), locks: map[any]chan struct{}{}}, false}
	},
}, {
	name:   "Take overwrites what TakeOne has charged",
	caught: []string{"race/take-one"},
	counter: func() store.Counter {
		return oneApart{&locking{model: newModel(), locks: map[any]chan struct{}{}}, true}
	},
}}

// create removes what there is of a subject that did not exist a moment ago.
func (l *locking) create(c *store.Charge) {
	of := func(k key, _ store.State) bool { return k.subject == c.Parts[0].Subject }
	l.model.mu.Lock()
	exists := false
	for k := range l.states {
		exists = exists || k.subject == c.Parts[0].Subject
	}
	l.model.mu.Unlock()
	if exists {
		return
	}
	wait()
	l.model.mu.Lock()
	defer l.model.mu.Unlock()
	maps.DeleteFunc(l.states, of)
}

// subtract makes a charge, but takes the refund of meter i from a window even if that
// leaves less than nothing.
func (l *locking) subtract(c *store.Charge, i int) {
	l.model.mu.Lock()
	used := l.states[keyOf(&c.Parts[0], i)].Window.Used
	l.model.mu.Unlock()
	l.take(c)
	if c.OK && used < -c.Parts[0].N[i] {
		l.model.mu.Lock()
		defer l.model.mu.Unlock()
		s := l.states[keyOf(&c.Parts[0], i)]
		s.Window.Used = used + c.Parts[0].N[i]
		l.states[keyOf(&c.Parts[0], i)] = s
	}
}

// meterwise is the model, but a charge that reads several meters is several reads.
type meterwise struct{ *model }

func (m meterwise) Take(ctx context.Context, c *store.Charge) error {
	if err := soundly(ctx, c); err != nil {
		return err
	}
	if !reads(c) || len(c.Parts[0].Meters) < 2 {
		m.take(c)
		return nil
	}
	at := now(c).At
	for i := range c.Parts[0].Meters {
		one := store.Charge{At: at, Parts: []store.Part{store.NewPart(c.Parts[0].Subject, 0, c.Parts[0].Meters[i:i+1]...)}}
		m.take(&one)
		c.Parts[0].Levels[i], c.OK = one.Parts[0].Levels[0], true
		wait()
	}
	return nil
}

func (m meterwise) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	return store.Peek(ctx, m.model, at, subjects, meters, levels, last)
}

// oneApart is the model. One of Take and TakeOne has a lock of its own, and rewrites what
// it has read.
type oneApart struct {
	*locking
	take bool
}

func (o oneApart) Take(ctx context.Context, c *store.Charge) error {
	if err := soundly(ctx, c); err != nil {
		return err
	}
	return o.charge(c, o.take)
}

func (o oneApart) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	c := &store.Charge{At: at, Parts: []store.Part{{Subject: subject, Meters: []store.Meter{*m}, N: []int64{n}, Levels: make([]store.Level, 1)}}}
	if err := soundly(ctx, c); err != nil {
		return store.Level{}, false, err
	}
	err := o.charge(c, !o.take)
	return c.Parts[0].Levels[0], c.OK, err
}

func (o oneApart) charge(c *store.Charge, apart bool) error {
	if !apart || reads(c) {
		o.model.take(c)
		return nil
	}
	own := independent(c)
	err := under(o.locking, c.Parts[0].Subject, func() { o.rewrite(own, false) })
	c.OK, c.Parts[0].Levels = own.OK, own.Parts[0].Levels
	return err
}
