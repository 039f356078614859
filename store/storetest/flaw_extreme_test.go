package storetest

import (
	"fmt"
	"math"
	"time"

	"github.com/ration-go/ration/store"
)

var extremeFlaws = []flaw{{
	name:   "a window without a Keep that ends when a later one is charged",
	caught: []string{"extreme/no-keep"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.model.take(c)
		o.note(c)
		for i, m := range c.Parts[0].Meters {
			for _, k := range o.list(c, i, fmt.Sprintf("%q %q", c.Parts[0].Subject, m.Name)) {
				if k.start < m.Start && o.meters[k].Keep == 0 {
					delete(o.states, k)
				}
			}
		}
	}),
}, {
	name:   "a time to live in whole seconds",
	caught: []string{"extreme/no-keep"},
	counter: withState(forgetsWindows(func(m *store.Meter, at time.Time) time.Time {
		return at.Add(time.Unix(m.End, 0).Sub(at).Truncate(time.Second)).Add(m.Keep)
	})),
}, {
	name:   "a Keep in whole seconds",
	caught: []string{"extreme/keep-fraction"},
	counter: withState(forgetsWindows(func(m *store.Meter, _ time.Time) time.Time {
		return time.Unix(m.End+int64(m.Keep/time.Second), 0)
	})),
}, {
	name:   "a Keep that overflows when it is rounded up to seconds",
	caught: []string{"extreme/keep-longest"},
	counter: withState(forgetsWindows(func(m *store.Meter, _ time.Time) time.Time {
		return time.Unix(m.End+int64((m.Keep+time.Second-1)/time.Second), 0)
	})),
}, {
	name:   "starts in minutes",
	caught: []string{"extreme/seconds"},
	counter: withState(byText(func(k key) string {
		return fmt.Sprint(k.window, math.Floor(float64(k.start)/60), k.subject, "\n", k.name)
	})),
}, {
	name:   "durations in nanoseconds",
	caught: []string{"extreme/nanoseconds"},
	take: func(f *flawed, c *store.Charge) {
		f.after(c, func(_ int, m *store.Meter, l *store.Level) {
			if !m.IsWindow() || c.At.IsZero() {
				return
			}
			for _, d := range []*time.Duration{&l.Wait, &l.Reset} {
				if *d != 0 && *d != store.Never {
					*d = time.Unix(m.End, 0).Sub(c.At)
				}
			}
		})
	},
}, {
	name:   "an At before 1970 rounded towards zero",
	caught: []string{"extreme/nanoseconds"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			if !o.At.IsZero() && o.At.Unix() < 0 {
				o.At = o.At.Add(time.Microsecond - 1)
			}
		})
	},
}, {
	name:   "an End in 32 bits",
	caught: []string{"extreme/2038", "extreme/centuries", "extreme/2500", "extreme/bounds"},
	counter: withState(forgetsWindows(func(m *store.Meter, _ time.Time) time.Time {
		return time.Unix(int64(int32(m.End)), 0).Add(m.Keep)
	})),
}, {
	name:    "a Start in 32 bits",
	caught:  []string{"extreme/centuries"},
	counter: withState(byText(func(k key) string { return fmt.Sprint(k.window, int32(k.start), k.subject, "\n", k.name) })),
}, {
	name:   "an At in nanoseconds",
	caught: []string{"extreme/2500"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) {
			if !o.At.IsZero() {
				o.At = time.Unix(0, o.At.UnixNano())
			}
		})
	},
}, {
	name:   "an unsigned Start",
	caught: []string{"extreme/before-1970"},
	counter: withState(byText(func(k key) string {
		return fmt.Sprint(k.window, max(k.start, 0), k.subject, "\n", k.name)
	})),
}, {
	name:   "a window is a meter that ends after 1970",
	caught: []string{"extreme/before-1970"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, _ *int64) {
			if m.End < 0 {
				m.Name += fmt.Sprint(m.Start)
				m.Start, m.End, m.Keep = 0, 0, 0
			}
		})
	},
}, {
	name:   "a Reset that overflows",
	caught: []string{"extreme/bounds"},
	take: func(f *flawed, c *store.Charge) {
		f.after(c, func(_ int, m *store.Meter, l *store.Level) {
			if m.IsWindow() && l.Reset == store.Never {
				l.Reset = time.Duration(m.End-c.At.Unix()) * time.Second
			}
		})
	},
}, {
	name:   "no more than 128 windows of one name",
	caught: []string{"extreme/many"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.model.take(c)
		for i, m := range c.Parts[0].Meters {
			o.cut(128, o.list(c, i, fmt.Sprintf("%q %q", c.Parts[0].Subject, m.Name)))
		}
	}),
}, {
	name:   "no more than 128 windows at once",
	caught: []string{"extreme/many"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.model.take(c)
		for i, m := range c.Parts[0].Meters {
			o.cut(128, o.list(c, i, fmt.Sprintf("%q %d", c.Parts[0].Subject, m.Start)))
		}
	}),
}}
