package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var aheadFlaws = []flaw{{
	name:   "windows of all subjects swept by the clock of any caller",
	caught: []string{"ahead/windows"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.sweep(instant(c), func(k key) bool {
			m := o.meters[k]
			return k.window && k.subject != c.Parts[0].Subject && !instant(c).Before(time.Unix(m.End, 0).Add(m.Keep))
		})
		o.model.take(c)
		o.note(c)
	}),
}, {
	name:   "buckets of other subjects swept when they are full by the clock of any caller",
	caught: []string{"ahead/buckets"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.sweep(instant(c), func(k key) bool { return k.subject != c.Parts[0].Subject && o.full(k, minuteBefore(instant(c))) })
		o.model.take(c)
		o.note(c)
	}),
}, {
	name:   "one clock for the buckets of all subjects, which is the latest At",
	caught: []string{"ahead/buckets"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.clock = func() int64 {
			now := instant(c).UnixMicro()
			for who, latest := range o.clocks {
				if who != c.Parts[0].Subject {
					now = max(now, latest)
				}
			}
			return now
		}
		o.model.take(c)
		who := strings.Clone(c.Parts[0].Subject)
		o.clocks[who] = max(o.clocks[who], minuteBefore(instant(c)).UnixMicro())
	}),
}, {
	name:   "buckets of the same subject swept when they are full by the clock of any caller",
	caught: []string{"ahead/ids"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.sweep(instant(c), func(k key) bool {
			charged := slices.ContainsFunc(c.Parts[0].Meters, func(m store.Meter) bool { return m.Name == k.name })
			return !charged && k.subject == c.Parts[0].Subject && o.full(k, minuteBefore(instant(c)))
		})
		o.model.take(c)
		o.note(c)
	}),
}, {
	name:   "a read that sets the clock of a subject's buckets",
	caught: []string{"ahead/read"},
	counter: withState(func(o *stateful, c *store.Charge) {
		who := strings.Clone(c.Parts[0].Subject)
		if onlyReads(c) {
			o.clocks[who] = max(o.clocks[who], minuteBefore(instant(c)).UnixMicro())
		}
		o.clock = func() int64 { return max(o.clocks[who], instant(c).UnixMicro()) }
		o.model.take(c)
	}),
}, {
	name:   "a read that drops windows which are no longer kept by its clock",
	caught: []string{"ahead/read"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.model.take(c)
		for i := range c.Parts[0].Meters {
			k := keyOf(&c.Parts[0], i)
			if m := o.meters[k]; k.window && onlyReads(c) && !instant(c).Before(time.Unix(m.End, 0).Add(m.Keep)) {
				delete(o.states, k)
			}
		}
		o.note(c)
	}),
}, {
	name:   "a time to live that counts from the clock of a caller that is ahead",
	caught: []string{"ahead/lifetime"},
	counter: withState(func(o *stateful, c *store.Charge) {
		o.sweep(time.Now(), func(k key) bool {
			end, ok := o.ends[k]
			return ok && !time.Now().Before(end)
		})
		o.model.take(c)
		for i, m := range c.Parts[0].Meters {
			k := o.key(c, i)
			if _, ok := o.ends[k]; m.IsWindow() && c.OK && !onlyReads(c) && (!ok || m.End > o.meters[k].End) {
				o.ends[k] = time.Now().Add(time.Unix(m.End, 0).Add(m.Keep).Sub(instant(c)))
			}
		}
		o.note(c)
	}),
}}
