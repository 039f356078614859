package storetest

import (
	"github.com/ration-go/ration/store"
)

var setRaceFlaws = []flaw{{
	name:   "SetRemaining overwrites charges that come at once",
	caught: []string{"race/set"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		if c.SetRemaining {
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
		if c.SetRemaining {
			l.take(c)
			return nil
		}
		return under(l, c.Subject, func() { l.rewrite(c, false) })
	}),
}, {
	name:   "SetRemaining sets one meter after the other",
	caught: []string{"race/set-once"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		if !c.SetRemaining {
			l.take(c)
			return nil
		}
		c.OK = true
		for i := range c.Meters {
			one := store.Charge{Subject: c.Subject, At: c.At, Meters: c.Meters[i : i+1], SetRemaining: true}
			one.N[0] = c.N[i]
			l.take(&one)
			c.Levels[i] = one.Levels[0]
			wait()
		}
		return nil
	}),
}, {
	name:   "goes by an allowance that was read before a cut",
	caught: []string{"race/cut"},
	counter: overlapFlaw(func(l *locking, c *store.Charge) error {
		was := l.statesOf(c)
		if !c.SetRemaining {
			wait()
		}
		l.model.mu.Lock()
		o := &model{states: map[key]state{}}
		for i := range c.Meters {
			s := l.states[keyOf(c, i)]
			s.window.Extra = was[keyOf(c, i)].window.Extra
			o.states[keyOf(c, i)] = s
		}
		defer l.model.mu.Unlock()
		if o.take(c); !c.OK {
			l.levels(c)
			return nil
		}
		for k, s := range o.states {
			if !c.SetRemaining {
				s.window.Extra = l.states[k].window.Extra
			}
			l.states[k] = s
		}
		return nil
	}),
}}
