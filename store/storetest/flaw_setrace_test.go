package storetest

import (
	"github.com/ration-go/ration/store"
)

var setRaceFlaws = []flaw{{
	name:   "SetRemaining overwrites charges that come at once",
	caught: []string{"race/set"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		if c.Op == store.SetRemaining {
			l.rewrite(c, false)
		} else {
			l.take(c)
		}
		return nil
	}),
}, {
	name:   "charges overwrite a SetRemaining that comes at once",
	caught: []string{"race/set"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		if c.Op == store.SetRemaining {
			l.take(c)
			return nil
		}
		return under(l, c.Parts[0].Subject, func() { l.rewrite(c, false) })
	}),
}, {
	name:   "SetRemaining sets one meter after the other",
	caught: []string{"race/set-once"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		if c.Op != store.SetRemaining {
			l.take(c)
			return nil
		}
		c.OK = true
		for i := range c.Parts[0].Meters {
			one := store.Charge{Op: store.SetRemaining, At: c.At, Parts: []store.Part{store.NewPart(c.Parts[0].Subject, 0, c.Parts[0].Meters[i:i+1]...)}}
			one.Parts[0].N[0] = c.Parts[0].N[i]
			l.take(&one)
			c.Parts[0].Levels[i] = one.Parts[0].Levels[0]
			wait()
		}
		return nil
	}),
}, {
	name:   "goes by an allowance that was read before a cut",
	caught: []string{"race/cut"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		was := l.statesOf(c)
		if c.Op != store.SetRemaining {
			wait()
		}
		l.model.mu.Lock()
		o := &model{states: map[key]store.State{}}
		for i := range c.Parts[0].Meters {
			s := l.states[keyOf(&c.Parts[0], i)]
			s.Window.Extra = was[keyOf(&c.Parts[0], i)].Window.Extra
			o.states[keyOf(&c.Parts[0], i)] = s
		}
		defer l.model.mu.Unlock()
		if o.take(c); !c.OK {
			l.levels(c)
			return nil
		}
		for k, s := range o.states {
			if c.Op != store.SetRemaining {
				s.Window.Extra = l.states[k].Window.Extra
			}
			l.states[k] = s
		}
		return nil
	}),
}}
