package storetest

import (
	"github.com/ration-go/ration/store"
)

var setFlaws = []flaw{{
	name:   "SetRemaining that adds",
	caught: []string{"set/window", "set/bucket", "set/several", "set/bounds"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			if !o.SetRemaining {
				return
			}
			o.SetRemaining = false
			for i := range o.N {
				o.N[i] = -o.N[i]
			}
		})
	},
}, {
	name:   "SetRemaining that sets the limit",
	caught: []string{"set/window", "set/settled"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			for i := range o.Meters {
				if o.SetRemaining {
					o.N[i] -= f.states[keyOf(o, i)].window.Used
				}
			}
		})
	},
}, {
	name:   "an extension that forgets the use",
	caught: []string{"set/window", "set/refund", "set/plan"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for i, m := range c.Meters {
			if s := f.states[keyOf(c, i)]; c.SetRemaining && m.IsWindow() {
				s.window.Used = 0
				f.states[keyOf(c, i)] = s
			}
		}
	},
}, {
	name:   "an extension that carries over to the next window",
	caught: []string{"set/this-window"},
	take: func(f *flawed, c *store.Charge) {
		for i, m := range c.Meters {
			k := keyOf(c, i)
			if _, known := f.states[k]; known || !m.IsWindow() {
				continue
			}
			k.start -= 86400
			f.states[keyOf(c, i)] = state{window: store.Window{Extra: f.states[k].window.Extra}}
		}
		f.model.take(c)
	},
}, {
	name:   "SetRemaining of a bucket beyond its capacity",
	caught: []string{"set/bucket", "set/bounds"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for i, m := range c.Meters {
			if c.SetRemaining && !m.IsWindow() && c.N[i] > m.Max {
				c.Levels[i].Used = m.Max - c.N[i]
			}
		}
	},
}}
