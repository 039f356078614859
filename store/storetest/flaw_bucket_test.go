package storetest

import (
	"fmt"
	"maps"
	"time"

	"github.com/ration-go/ration/store"
)

var bucketFlaws = []flaw{{
	name:   "a bucket that gains tokens when the clock steps back",
	caught: []string{"bucket/clock-back-and-on", "bucket/clock-back", "random/as-the-model"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for k, s := range f.states {
			if s.Bucket.Last > c.At.UnixMicro() && !c.At.IsZero() {
				s.Bucket.Last = c.At.UnixMicro()
				f.states[k] = s
			}
		}
	},
}, {
	name:   "a wait without the time until the clock has caught up",
	caught: []string{"bucket/clock-back-wait", "random/as-the-model"},
	take: func(f *flawed, c *store.Charge) {
		f.after(c, func(i int, m *store.Meter, l *store.Level) {
			behind := time.Duration(f.states[keyOf(&c.Parts[0], i)].Bucket.Last-c.At.UnixMicro()) * us
			if m.IsWindow() || c.At.IsZero() || behind <= 0 {
				return
			}
			for _, d := range []*time.Duration{&l.Wait, &l.Reset} {
				if *d > 0 && *d != store.Never {
					*d = max(us, *d-behind)
				}
			}
		})
	},
}, {
	name:   "a fresh bucket on a plan change",
	caught: []string{"plan/bucket-capacity", "plan/bucket-rate", "plan/bucket-fraction"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, _ *int64) {
			if !m.IsWindow() {
				m.Name += fmt.Sprint(m.Max, m.Rate)
			}
		})
	},
}, {
	name:   "a period of whole microseconds per token",
	caught: []string{"bucket/no-drift", "bucket/often-asked", "bucket/fast"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, _ *int64) {
			if m.Rate.Tokens > 0 && m.Rate.Per >= m.Rate.Tokens {
				m.Rate = store.Rate{Tokens: 1, Per: m.Rate.Per / m.Rate.Tokens}
			} else if m.Rate.Tokens > 0 {
				m.Rate = store.Rate{Tokens: m.Rate.Tokens / m.Rate.Per, Per: 1}
			}
		})
	},
}, {
	name:   "a bucket that loses fractions of a token",
	caught: []string{"bucket/continuous", "bucket/fast", "plan/bucket-fraction"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for k, s := range f.states {
			s.Bucket.Part = 0
			f.states[k] = s
		}
	},
}, {
	name:   "a refusal that restarts the wait",
	caught: []string{"bucket/often-asked"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		for i := range c.Parts[0].Meters {
			if s := f.states[keyOf(&c.Parts[0], i)]; !c.OK && !c.Parts[0].Meters[i].IsWindow() {
				s.Bucket.Last = c.At.UnixMicro()
				f.states[keyOf(&c.Parts[0], i)] = s
			}
		}
	},
}, {
	name:   "a bucket that refills once a second",
	caught: []string{"bucket/continuous", "bucket/clock", "bucket/one-a-day"},
	take: func(f *flawed, c *store.Charge) {
		f.as(c, func(o *store.Charge) { o.At = o.At.Truncate(time.Second) })
		for i := range c.Parts[0].Meters {
			if c.Parts[0].Meters[i].IsWindow() {
				c.Parts[0].Levels[i].Reset = max(0, time.Unix(c.Parts[0].Meters[i].End, 0).Sub(c.At))
			}
		}
	},
}, {
	name:   "a bucket that is forgotten after a day",
	caught: []string{"bucket/idle"},
	take: func(f *flawed, c *store.Charge) {
		if c.At.Sub(f.seen[c.Parts[0].Subject]) > 25*time.Hour {
			maps.DeleteFunc(f.states, func(k key, _ store.State) bool { return !k.window && k.subject == c.Parts[0].Subject })
		}
		f.seen[c.Parts[0].Subject] = c.At
		f.model.take(c)
	},
}, {
	name:   "rare buckets are not counted",
	caught: []string{"bucket/rare", "random/as-the-model"},
	take: func(f *flawed, c *store.Charge) {
		f.meterwise(c, func(m *store.Meter, n *int64) {
			if m.Rare {
				*n = min(*n, 0)
			}
		})
	},
}, {
	name:   "new subjects evict others",
	caught: []string{"subject/crowd"},
	take: func(f *flawed, c *store.Charge) {
		f.model.take(c)
		if len(f.states) > 1500 {
			clear(f.states)
		}
	},
}}
