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
		for i := range c.Parts[0].Meters {
			one := store.Charge{Op: c.Op, At: c.At, Parts: []store.Part{store.NewPart(c.Parts[0].Subject, 0, c.Parts[0].Meters[i:i+1]...)}}
			one.Parts[0].N[0] = c.Parts[0].N[i]
			f.model.take(&one)
			c.Parts[0].Levels[i] = one.Parts[0].Levels[0]
			ok = ok && one.OK
		}
		c.OK = ok
	},
}, {
	name:   "one N for all meters",
	caught: []string{"charge/all-or-nothing", "charge/n-per-meter", "charge/most-meters", "set/several"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			o.Parts[0] = store.NewPart(o.Parts[0].Subject, o.Parts[0].N[0], o.Parts[0].Meters...)
		})
	},
}, {
	name:   "meters identified by their position",
	caught: []string{"charge/by-name", "charge/more-meters", "charge/all-or-nothing"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			for i := range o.Parts[0].Meters {
				o.Parts[0].Meters[i].Name = fmt.Sprint(i)
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
		c.OK = c.OK && len(c.Parts[0].Meters) > 0
	},
}, {
	name:   "a refund of nothing is refused",
	caught: []string{"charge/give-back", "charge/huge"},
	take: func(f *flawed, c *store.Charge) {
		o := clone(c)
		clear(o.Parts[0].N)
		f.model.take(o)
		for i := range c.Parts[0].Meters {
			if -c.Parts[0].N[i] > o.Parts[0].Levels[i].Used && c.Op != store.SetRemaining {
				copyAnswer(c, o)
				c.OK = false
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
		for i, m := range c.Parts[0].Meters {
			if s := f.states[keyOf(&c.Parts[0], i)]; c.Parts[0].N[i] < 0 && m.IsWindow() && s.Window.Used == 0 {
				s.Window.Used = -1
				f.states[keyOf(&c.Parts[0], i)] = s
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
		for i := range c.Parts[0].Meters {
			if !c.OK && c.Parts[0].Levels[i].Wait == 0 {
				c.Parts[0].Levels[i].Used += c.Parts[0].N[i]
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
	name:   "what lies behind the levels is cleared",
	caught: []string{"level/rest"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		levels := c.Parts[0].Levels
		clear(levels[len(levels):cap(levels)])
	},
}}
