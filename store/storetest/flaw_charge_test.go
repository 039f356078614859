package storetest

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/ration-go/ration/store"
)

var chargeFlaws = []flaw{{
	name:   "charges each meter by itself",
	caught: []string{"charge/all-or-nothing", "charge/n-per-meter", "charge/most-meters", "random/as-the-model"},
	take: func(f *flawed, c *store.Charge) {
		ok := true
		for i := range c.Meters {
			one := store.Charge{Subject: c.Subject, At: c.At, Meters: c.Meters[i : i+1], SetRemaining: c.SetRemaining}
			one.N[0] = c.N[i]
			f.model.take(&one)
			c.Levels[i] = one.Levels[0]
			ok = ok && one.OK
		}
		c.OK = ok
	},
}, {
	name:   "one N for all meters",
	caught: []string{"charge/all-or-nothing", "charge/n-per-meter", "charge/most-meters", "set/several"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) { o.N = store.Each(o.N[0]) })
	},
}, {
	name:   "meters identified by their position",
	caught: []string{"charge/by-name", "charge/more-meters", "charge/all-or-nothing"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			for i := range o.Meters {
				o.Meters[i].Name = fmt.Sprint(i)
			}
		})
	},
}, {
	name:   "a bucket and a window of one name share their state",
	caught: []string{"charge/kinds"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, n *int64) {
			if !m.IsWindow() && m.Name == "day" {
				*n = 0
			}
		})
	},
}, {
	name:   "a charge without meters is refused",
	caught: []string{"charge/no-meters"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		c.OK = c.OK && len(c.Meters) > 0
	},
}, {
	name:   "a refund of nothing is refused",
	caught: []string{"charge/give-back", "charge/huge"},
	take: func(f *flawed, c *store.Charge) {
		o := *c
		o.N = [store.MaxMeters]int64{}
		f.model.take(&o)
		for i := range c.Meters {
			if -c.N[i] > o.Levels[i].Used && !c.SetRemaining {
				c.OK, c.Levels = false, o.Levels
				return
			}
		}
		f.model.take(c)
	},
}, {
	name:   "giving back beyond zero",
	caught: []string{"charge/give-back"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for i, m := range c.Meters {
			if s := f.states[keyOf(c, i)]; c.N[i] < 0 && m.IsWindow() && s.window.Used == 0 {
				s.window.Used = -1
				f.states[keyOf(c, i)] = s
			}
		}
	},
}, {
	name:   "counts in 32 bits",
	caught: []string{"charge/great-figures"},
	take: func(f *flawed, c *store.Charge) {
		f.after(c, func(_ int, _ *store.Meter, l *store.Level) { l.Used = int64(uint32(l.Used)) })
	},
}, {
	name:   "counts with fourteen digits",
	caught: []string{"charge/great-figures"},
	take: func(f *flawed, c *store.Charge) {
		f.after(c, func(_ int, _ *store.Meter, l *store.Level) {
			digits, _ := strconv.ParseFloat(strconv.FormatFloat(float64(l.Used), 'g', 14, 64), 64)
			l.Used = int64(digits)
		})
	},
}, {
	name:   "an N that overflows",
	caught: []string{"charge/huge", "random/as-the-model"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(_ *store.Meter, n *int64) {
			if *n < -1<<60 {
				*n = 1
			}
		})
	},
}, {
	name:   "a refusal with the levels of an admitted charge",
	caught: []string{"charge/all-or-nothing", "level/refused", "race/one-subject"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for i := range c.Meters {
			if !c.OK && c.Levels[i].Wait == 0 {
				c.Levels[i].Used += c.N[i]
			}
		}
	},
}, {
	name:   "a wait for every meter",
	caught: []string{"level/refused", "window/unlimited", "late/one-charge"},
	take: func(f *flawed, c *store.Charge) {
		f.after(c, func(i int, _ *store.Meter, l *store.Level) {
			if !c.OK {
				l.Wait = cmp.Or(l.Wait, l.Reset)
			}
		})
	},
}, {
	name:   "a wait for what never fits",
	caught: []string{"level/never", "charge/huge", "charge/give-back"},
	take: func(f *flawed, c *store.Charge) {
		f.after(c, func(_ int, _ *store.Meter, l *store.Level) {
			if l.Wait == store.Never {
				l.Wait = l.Reset
			}
		})
	},
}, {
	name:   "durations of whole seconds",
	caught: []string{"level/microseconds", "bucket/continuous"},
	take: func(f *flawed, c *store.Charge) {
		f.after(c, func(_ int, _ *store.Meter, l *store.Level) {
			l.Wait, l.Reset = l.Wait.Truncate(time.Second), l.Reset.Truncate(time.Second)
		})
	},
}, {
	name:   "levels beyond len(Meters) are cleared",
	caught: []string{"level/rest"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		clear(c.Levels[len(c.Meters):])
	},
}}
