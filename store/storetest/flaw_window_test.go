package storetest

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

var windowFlaws = []flaw{{
	name:   "a window that never resets",
	caught: []string{"window/reset", "late/refund", "set/this-window"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, _ *int64) {
			if m.IsWindow() {
				m.Start = 0
			}
		})
	},
}, {
	name:   "a window that resets a second early",
	caught: []string{"window/reset", "window/clock-back"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, _ *int64) {
			if m.IsWindow() && c.At.Unix() == m.End-1 {
				m.Start++
			}
		})
	},
}, {
	name:   "a window whose key has its Keep",
	caught: []string{"plan/window-keep", "read/lifetime"},
	counter: alike(func(o *store.Charge) {
		for _, p := range o.Parts {
			for i := range p.Meters {
				if m := &p.Meters[i]; m.IsWindow() {
					m.Name += m.Keep.String()
				}
			}
		}
	}),
}, {
	name:   "one window per name",
	caught: []string{"late/refund", "late/keep", "late/first", "late/report", "peek/as-take", "window/clock-back"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for k := range f.states {
			for i, m := range c.Parts[0].Meters {
				if c.OK && c.Parts[0].N[i] != 0 && k.window && k.subject == c.Parts[0].Subject && k.name == m.Name && k.start != m.Start {
					delete(f.states, k)
				}
			}
		}
	},
}, {
	name:   "a read that rolls a window",
	caught: []string{"late/new-read", "peek/changes-nothing"},
	take: func(f *flawed, c *store.Charge) {
		for _, m := range c.Parts[0].Meters {
			for k := range f.states {
				if k.window && k.subject == c.Parts[0].Subject && k.name == m.Name && k.start < m.Start {
					delete(f.states, k)
				}
			}
		}
		f.model.take(c)
	},
}, {
	name:   "an old read that rolls a newer window",
	caught: []string{"late/old-read"},
	take: func(f *flawed, c *store.Charge) {
		for i, m := range c.Parts[0].Meters {
			for k := range f.states {
				if c.Parts[0].N[i] == 0 && k.window && k.subject == c.Parts[0].Subject && k.name == m.Name && k.start > m.Start {
					delete(f.states, k)
				}
			}
		}
		f.model.take(c)
	},
}, {
	name:   "two windows of one name in a charge share their use",
	caught: []string{"late/one-charge"},
	take: func(f *flawed, c *store.Charge) {
		starts := map[string]int64{}
		f.meterwise(c, func(m *store.Meter, _ *int64) {
			if start, ok := starts[m.Name]; ok && m.IsWindow() {
				m.Start = start
			}
			starts[m.Name] = m.Start
		})
	},
}, {
	name:   "a refund that is lost once the window is over",
	caught: []string{"late/refund", "late/keep"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, n *int64) {
			if m.IsWindow() && *n < 0 && c.At.Unix() >= m.End {
				*n = 0
			}
		})
	},
}, {
	name:   "a refund into the current window",
	caught: []string{"late/refund"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, n *int64) {
			switch newest := f.newest[c.Parts[0].Subject+m.Name]; {
			case *n < 0 && m.IsWindow():
				m.Start = max(m.Start, newest)
			case *n > 0:
				f.newest[c.Parts[0].Subject+m.Name] = max(m.Start, newest)
			}
		})
	},
}, {
	name:   "a fresh window on a plan change",
	caught: []string{"plan/window-limit", "plan/window-length", "set/settled", "set/plan"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, _ *int64) {
			if m.IsWindow() {
				m.Name += fmt.Sprint(m.Max, m.End)
			}
		})
	},
}, {
	name:   "an old window kept according to its first End",
	caught: []string{"late/longer"},
	take: func(f *flawed, c *store.Charge) {
		for i := range c.Parts[0].Meters {
			k, m := keyOf(&c.Parts[0], i), &c.Parts[0].Meters[i]
			id := fmt.Sprint(k)
			if _, ok := f.seen[id]; !ok {
				f.seen[id] = time.Unix(m.End, 0).Add(m.Keep)
			}
			newest := max(m.Start, f.newest[c.Parts[0].Subject+m.Name])
			f.newest[c.Parts[0].Subject+m.Name] = newest
			if m.IsWindow() && m.Start < newest && c.At.After(f.seen[id]) {
				delete(f.states, k)
			}
		}
		f.model.take(c)
	},
}, {
	name:   "an Unlimited window with a limit",
	caught: []string{"window/unlimited", "charge/great-figures"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, _ *int64) { m.Max = min(m.Max, 1<<40) })
	},
}, {
	name:   "no clock for a zero At",
	caught: []string{"window/own-clock"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			if o.At.IsZero() {
				o.At = time.Unix(0, 0)
			}
		})
	},
}, {
	name:   "the windows of a name live as long as the newest",
	caught: []string{"late/own-keep"},
	take: func(f *flawed, c *store.Charge) {
		newest := map[key]int64{} // by subject and name
		for k := range f.states {
			of := key{subject: k.subject, name: k.name}
			if start, ok := newest[of]; k.window && (!ok || k.start > start) {
				newest[of] = k.start
			}
		}
		for k := range f.states {
			last := key{k.subject, k.name, true, newest[key{subject: k.subject, name: k.name}]}
			if until, ok := f.kept[last]; k.window && ok && !until.After(c.At) {
				delete(f.states, k)
			}
		}
		f.model.take(c)
		meters(c, func(p *store.Part, i int) {
			m := &p.Meters[i]
			f.kept[owned(keyOf(p, i))] = time.Unix(m.End, 0).Add(m.Keep)
		})
	},
}}
