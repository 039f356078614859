package storetest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

var extremeFlaws = []flaw{{
	name:   "a window without a Keep that ends when a later one is charged",
	caught: []string{"extreme/no-keep"},
	counter: odd(func(o *oddity, c *store.Charge) {
		o.model.take(c)
		o.note(c)
		for i, m := range c.Meters {
			for _, k := range o.list(c, i, fmt.Sprintf("%q %q", c.Subject, m.Name)) {
				if k.start < m.Start && o.meters[k].Keep == 0 {
					delete(o.states, k)
				}
			}
		}
	}),
}, {
	name:   "a time to live in whole seconds",
	caught: []string{"extreme/no-keep"},
	counter: odd(forgets(func(m *store.Meter, at time.Time) time.Time {
		return at.Add(time.Unix(m.End, 0).Sub(at).Truncate(time.Second)).Add(m.Keep)
	})),
}, {
	name:   "a Keep in whole seconds",
	caught: []string{"extreme/keep-fraction"},
	counter: odd(forgets(func(m *store.Meter, _ time.Time) time.Time {
		return time.Unix(m.End+int64(m.Keep/time.Second), 0)
	})),
}, {
	name:   "a Keep that overflows when it is rounded up to seconds",
	caught: []string{"extreme/keep-longest"},
	counter: odd(forgets(func(m *store.Meter, _ time.Time) time.Time {
		return time.Unix(m.End+int64((m.Keep+time.Second-1)/time.Second), 0)
	})),
}, {
	name:   "starts in minutes",
	caught: []string{"extreme/seconds"},
	counter: odd(rows(func(k key) string {
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
	counter: odd(forgets(func(m *store.Meter, _ time.Time) time.Time {
		return time.Unix(int64(int32(m.End)), 0).Add(m.Keep)
	})),
}, {
	name:    "a Start in 32 bits",
	caught:  []string{"extreme/centuries"},
	counter: odd(rows(func(k key) string { return fmt.Sprint(k.window, int32(k.start), k.subject, "\n", k.name) })),
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
	counter: odd(rows(func(k key) string {
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
	counter: odd(func(o *oddity, c *store.Charge) {
		o.model.take(c)
		for i, m := range c.Meters {
			o.cut(128, o.list(c, i, fmt.Sprintf("%q %q", c.Subject, m.Name)))
		}
	}),
}, {
	name:   "no more than 128 windows at once",
	caught: []string{"extreme/many"},
	counter: odd(func(o *oddity, c *store.Charge) {
		o.model.take(c)
		for i, m := range c.Meters {
			o.cut(128, o.list(c, i, fmt.Sprintf("%q %d", c.Subject, m.Start)))
		}
	}),
}}

var aheadFlaws = []flaw{{
	name:   "windows of all subjects swept by the clock of any caller",
	caught: []string{"ahead/windows"},
	counter: odd(func(o *oddity, c *store.Charge) {
		o.sweep(at(c), func(k key) bool {
			m := o.meters[k]
			return k.window && k.subject != c.Subject && !at(c).Before(time.Unix(m.End, 0).Add(m.Keep))
		})
		o.model.take(c)
		o.note(c)
	}),
}, {
	name:   "buckets of other subjects swept when they are full by the clock of any caller",
	caught: []string{"ahead/buckets"},
	counter: odd(func(o *oddity, c *store.Charge) {
		o.sweep(at(c), func(k key) bool { return k.subject != c.Subject && o.full(k, lag(at(c))) })
		o.model.take(c)
		o.note(c)
	}),
}, {
	name:   "one clock for the buckets of all subjects, which is the latest At",
	caught: []string{"ahead/buckets"},
	counter: odd(func(o *oddity, c *store.Charge) {
		o.clock = func() int64 {
			now := at(c).UnixMicro()
			for who, latest := range o.clocks {
				if who != c.Subject {
					now = max(now, latest)
				}
			}
			return now
		}
		o.model.take(c)
		who := strings.Clone(c.Subject)
		o.clocks[who] = max(o.clocks[who], lag(at(c)).UnixMicro())
	}),
}, {
	name:   "buckets of the same subject swept when they are full by the clock of any caller",
	caught: []string{"ahead/ids"},
	counter: odd(func(o *oddity, c *store.Charge) {
		o.sweep(at(c), func(k key) bool {
			charged := slices.ContainsFunc(c.Meters, func(m store.Meter) bool { return m.Name == k.name })
			return !charged && k.subject == c.Subject && o.full(k, lag(at(c)))
		})
		o.model.take(c)
		o.note(c)
	}),
}, {
	name:   "a read that sets the clock of a subject's buckets",
	caught: []string{"ahead/read"},
	counter: odd(func(o *oddity, c *store.Charge) {
		who := strings.Clone(c.Subject)
		if reads(c) {
			o.clocks[who] = max(o.clocks[who], lag(at(c)).UnixMicro())
		}
		o.clock = func() int64 { return max(o.clocks[who], at(c).UnixMicro()) }
		o.model.take(c)
	}),
}, {
	name:   "a time to live that counts from the clock of a caller that is ahead",
	caught: []string{"ahead/lifetime"},
	counter: odd(func(o *oddity, c *store.Charge) {
		o.sweep(time.Now(), func(k key) bool {
			end, ok := o.ends[k]
			return ok && !time.Now().Before(end)
		})
		o.model.take(c)
		for i, m := range c.Meters {
			k := o.key(c, i)
			if _, ok := o.ends[k]; m.IsWindow() && c.OK && !reads(c) && (!ok || m.End > o.meters[k].End) {
				o.ends[k] = time.Now().Add(time.Unix(m.End, 0).Add(m.Keep).Sub(at(c)))
			}
		}
		o.note(c)
	}),
}}

// oddity is the model with a flaw that has state of its own. One lock holds all of it.
type oddity struct {
	*model
	flaw func(o *oddity, c *store.Charge)

	one    sync.Mutex
	rows   map[string]key
	meters map[key]store.Meter
	ends   map[key]time.Time
	clocks map[string]int64
	cache  map[string]*store.Charge
	lists  map[string][]key
	swept  time.Time
}

func odd(flaw func(o *oddity, c *store.Charge)) func() store.Counter {
	return func() store.Counter {
		return &oddity{
			model: newModel(), flaw: flaw,
			rows: map[string]key{}, meters: map[key]store.Meter{}, ends: map[key]time.Time{},
			clocks: map[string]int64{}, cache: map[string]*store.Charge{}, lists: map[string][]key{},
		}
	}
}

func (o *oddity) Take(ctx context.Context, c *store.Charge) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, err)
	}
	if err := c.Check(); err != nil {
		return err
	}
	o.one.Lock()
	defer o.one.Unlock()
	o.flaw(o, c)
	return nil
}

// at returns the instant of c.
func at(c *store.Charge) time.Time {
	if c.At.IsZero() {
		return time.Now()
	}
	return c.At
}

// lag returns an instant a minute before at. Flaws that trust a clock that is ahead allow
// others to be a minute behind it.
func lag(at time.Time) time.Time { return at.Add(-time.Minute) }

// reads reports whether c only reads.
func reads(c *store.Charge) bool { return !c.SetRemaining && c.N == [store.MaxMeters]int64{} }

// writes reports whether c has changed its i-th meter.
func writes(c *store.Charge, i int) bool { return c.OK && (c.SetRemaining || c.N[i] != 0) }

// key returns the key of the i-th meter of c, in memory of its own.
func (o *oddity) key(c *store.Charge, i int) key {
	k := keyOf(c, i)
	k.subject, k.name = strings.Clone(k.subject), strings.Clone(k.name)
	return k
}

// note keeps the meters of c as they were charged last.
func (o *oddity) note(c *store.Charge) {
	for i, m := range c.Meters {
		if writes(c, i) {
			k := o.key(c, i)
			m.Name = k.name
			o.meters[k] = m
		}
	}
}

// sweep forgets some states, if at is another instant than at the last sweep.
func (o *oddity) sweep(at time.Time, which func(k key) bool) {
	if !at.Equal(o.swept) {
		o.swept = at
		maps.DeleteFunc(o.states, func(k key, _ state) bool { return which(k) })
	}
}

// list adds the i-th meter of c to the list id, if it is a window that was charged, and
// returns the list.
func (o *oddity) list(c *store.Charge, i int, id string) []key {
	k := o.key(c, i)
	if k.window && writes(c, i) && !slices.Contains(o.lists[id], k) {
		o.lists[id] = append(o.lists[id], k)
	}
	return o.lists[id]
}

// full reports whether k is a bucket with some capacity that is full at an instant.
func (o *oddity) full(k key, at time.Time) bool {
	m := o.meters[k]
	return !k.window && m.Max > 0 && o.states[k].bucket.FullAt(&m) <= at.UnixMicro()
}

// cut forgets all but the last of keys.
func (o *oddity) cut(last int, keys []key) {
	for i := range max(0, len(keys)-last) {
		delete(o.states, keys[i])
	}
}

// forgets returns a flaw that forgets a window at the instant that until computes when the
// window is charged.
func forgets(until func(m *store.Meter, at time.Time) time.Time) func(o *oddity, c *store.Charge) {
	return func(o *oddity, c *store.Charge) {
		for i := range c.Meters {
			k := keyOf(c, i)
			if end, ok := o.ends[k]; ok && !at(c).Before(end) {
				delete(o.states, k)
				delete(o.ends, k)
			}
		}
		o.model.take(c)
		for i := range c.Meters {
			if m := &c.Meters[i]; m.IsWindow() && writes(c, i) {
				o.ends[o.key(c, i)] = until(m, at(c))
			}
		}
	}
}

// rows returns the flaw of a store that finds states by a text, and in which two states
// with the same text replace each other.
func rows(text func(k key) string) func(o *oddity, c *store.Charge) {
	return func(o *oddity, c *store.Charge) {
		o.model.take(c)
		for i := range c.Meters {
			if !writes(c, i) {
				continue
			}
			k := o.key(c, i)
			row := text(k)
			if before, ok := o.rows[row]; ok && before != k {
				delete(o.states, before)
			}
			o.rows[row] = k
		}
	}
}
