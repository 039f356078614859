package storetest

import (
	"github.com/ration-go/ration/store"
)

var setFlaws = []flaw{{
	name:   "SetRemaining that adds",
	caught: []string{"set/window", "set/bucket", "set/several", "set/bounds"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			if !(o.Op == store.SetRemaining) {
				return
			}
			o.Op = store.Spend
			for i := range o.Parts[0].N {
				o.Parts[0].N[i] = -o.Parts[0].N[i]
			}
		})
	},
}, {
	name:   "SetRemaining that sets the limit",
	caught: []string{"set/window", "set/settled"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			for i := range o.Parts[0].Meters {
				if o.Op == store.SetRemaining {
					o.Parts[0].N[i] -= f.states[keyOf(&o.Parts[0], i)].Window.Used
				}
			}
		})
	},
}, {
	name:   "an extension that forgets the use",
	caught: []string{"set/window", "set/refund", "set/plan"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for i, m := range c.Parts[0].Meters {
			if s := f.states[keyOf(&c.Parts[0], i)]; c.Op == store.SetRemaining && m.IsWindow() {
				s.Window.Used = 0
				f.states[keyOf(&c.Parts[0], i)] = s
			}
		}
	},
}, {
	name:   "an extension that carries over to the next window",
	caught: []string{"set/this-window"},
	take: func(f *flawed, c *store.Charge) {
		for i, m := range c.Parts[0].Meters {
			k := keyOf(&c.Parts[0], i)
			if _, known := f.states[k]; known || !m.IsWindow() {
				continue
			}
			k.start -= 86400
			f.states[keyOf(&c.Parts[0], i)] = store.State{Window: store.Window{Extra: f.states[k].Window.Extra}}
		}
		f.model.take(c)
	},
}, {
	name:   "SetRemaining of a bucket beyond its capacity",
	caught: []string{"set/bucket", "set/bounds"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for i, m := range c.Parts[0].Meters {
			if c.Op == store.SetRemaining && !m.IsWindow() && c.Parts[0].N[i] > m.Max {
				c.Parts[0].Levels[i].Used = m.Max - c.Parts[0].N[i]
			}
		}
	},
}}
