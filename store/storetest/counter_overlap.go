package storetest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store"
)

var overlapPromises = []promise{{
	name: "race/overlap",
	says: "Charges of one subject that have some of their meters in common, in any order, are made one after the other: " +
		"each is counted on each of its meters, and no limit is exceeded.",
	test: overlap,
}, {
	name: "race/apart",
	says: "Charges of one subject that have no meter in common do not lose each other's changes, even if they create the " +
		"subject.",
	test: func(t *trial) {
		meter := func(i int) store.Meter {
			if i%2 == 0 {
				return bucket(fmt.Sprint("rate-", i), 100, perDay)
			}
			return daily(int64(i), 100)
		}
		who := func(i int) string { return fmt.Sprint("newcomer ", i/4) }
		t.crowd(few, func(g, i int) error {
			return t.admits(t.charge(take(1, meter(g%8)).as(who(i))))
		})
		for i := 0; i < few; i += 4 {
			for m := range 8 {
				t.play(read(meter(m)).as(who(i)).yes(goroutines / 8 * 4))
			}
		}
	},
}, {
	name: "race/take-one",
	says: "Take and TakeOne charge one meter at once without losing each other's changes or exceeding its limit.",
	test: func(t *trial) {
		const limit = goroutines*few - 40
		for _, m := range []store.Meter{bucket("rate", limit, perDay), daily(0, limit)} {
			var admitted [goroutines]int64
			t.crowd(few, func(g, i int) error {
				c := t.charge(take(1, m))
				counter := store.Counter(singly{t.c})
				if g%2 == 0 {
					counter = t.c
				}
				if err := counter.Take(t.ctx, c); err != nil {
					return err
				}
				if c.OK {
					admitted[g]++
				}
				return nil
			})
			if n := sum(admitted[:]); n != limit {
				t.failf("%d of %q were admitted, want %d", n, m.Name, limit)
			}
			t.play(take(1, m).no(limit))
		}
	},
}, {
	name: "race/read",
	says: "A charge in which every N is zero reads all its meters at one instant.",
	test: func(t *trial) {
		on := []store.Meter{bucket("rate", 1000, perDay), daily(0, 1000), use(0)}
		t.crowd(few, func(g, i int) error {
			if g%2 == 0 {
				time.Sleep(time.Nanosecond) // others read meanwhile
				return t.admits(t.charge(take(int64(1+i%3), on...)))
			}
			c := t.charge(read(on...))
			err := t.admits(c)
			if used := c.Parts[0].Levels[0].Used; err == nil && (c.Parts[0].Levels[1].Used != used || c.Parts[0].Levels[2].Used != used) {
				err = fmt.Errorf("%s: levels of different instants: %+v", t.where(c), c.Parts[0].Levels[:3])
			}
			return err
		})
	},
}, {
	name: "race/peek",
	says: "Peek reads up to MaxMeters meters of one subject at one instant.",
	test: func(t *trial) {
		on := []store.Meter{bucket("rate", 1000, perDay), daily(0, 1000), use(0)}
		meters := t.meters(on...)
		t.crowd(few, func(g, i int) error {
			if g%2 == 0 {
				time.Sleep(time.Nanosecond) // others read meanwhile
				return t.admits(t.charge(take(int64(1+i%3), on...)))
			}
			levels := make([]store.Level, 2*len(meters))
			if err := store.Peek(t.ctx, t.c, t.at(), []string{"somebody", "nobody"}, meters, levels, nil); err != nil {
				return err
			}
			if l := levels[:len(meters)]; l[1].Used != l[0].Used || l[2].Used != l[0].Used {
				return fmt.Errorf("Peek: levels of different instants: %+v", l)
			}
			return nil
		})
	},
}, {
	name: "race/refused",
	says: "The Levels of a refusal are of the instant at which it was refused: a meter that refuses has a Wait and no room.",
	test: refusals,
}, {
	name: "race/refunds",
	says: "The Levels of a refund are of the instant at which it was made.",
	test: func(t *trial) {
		const all = goroutines * few
		on := []store.Meter{bucket("rate", all, perDay), daily(0, all)}
		t.play(take(all, on...).yes(all, all))
		var told [goroutines][]int64
		t.crowd(few, func(g, i int) error {
			c := t.charge(give(1, on...))
			err := t.admits(c)
			if c.Parts[0].Levels[0].Used != c.Parts[0].Levels[1].Used && err == nil {
				err = fmt.Errorf("%s: levels of different instants: %+v", t.where(c), c.Parts[0].Levels[:2])
			}
			told[g] = append(told[g], c.Parts[0].Levels[0].Used)
			return err
		})
		for i, used := range slices.Sorted(slices.Values(slices.Concat(told[:]...))) {
			if used != int64(i) {
				t.failf("a refund left a Used of %d, and none left %d", used, i)
			}
		}
	},
}, {
	name: "race/zero",
	says: "Refunds that come at once stop at a full bucket and at zero used, too.",
	test: func(t *trial) {
		on := []store.Meter{bucket("rate", 20, perDay), daily(0, 20), use(0)}
		for range 3 {
			t.play(take(9, on...).yes(9, 9, 9))
			t.crowd(2, func(g, i int) error { return t.admits(t.charge(give(1, on...))) })
			t.play(read(on...).yes(0, 0, 0))
		}
		t.play(take(21, on...).no(0, 0, 0), take(20, on...).yes(20, 20, 20))
	},
}, {
	name: "race/holders",
	says: "A limit holds while units are taken and given back at once, even when nothing is used between.",
	test: holders,
}}

// admits makes a charge that must be admitted, in a goroutine of a crowd.
func (t *trial) admits(c *store.Charge) error {
	switch err := t.c.Take(t.ctx, c); {
	case err != nil:
		return fmt.Errorf("%s: Take returned the error %q, want none", t.where(c), err)
	case !c.OK:
		return fmt.Errorf("%s: OK is false, want true; levels %+v", t.where(c), c.Parts[0].Levels[:len(c.Parts[0].Meters)])
	default:
		return nil
	}
}

// overlap charges three meters in pairs. A store that locks them in the order of the
// charge locks some callers out for good, so each call has a deadline.
func overlap(t *trial) {
	const limit = 100
	meters := []store.Meter{bucket("a", limit, perDay), daily(0, limit), window("month", limit, 0, 30*day)}
	pairs := [][2]int{{0, 1}, {1, 2}, {2, 0}, {1, 0}, {2, 1}, {0, 2}}
	var used [goroutines][3]int64
	t.crowd(few, func(g, i int) error {
		pair := pairs[(g+i)%len(pairs)]
		c := t.charge(take(1, meters[pair[0]], meters[pair[1]]))
		ctx, cancel := t.patient()
		defer cancel()
		if err := t.c.Take(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", t.where(c), err)
		}
		if c.OK {
			used[g][pair[0]]++
			used[g][pair[1]]++
		}
		return nil
	})
	var want [3]int64
	for g := range used {
		for i, n := range used[g] {
			want[i] += n
		}
	}
	now := t.take(t.charge(read(meters...)))
	for i, m := range meters {
		if got := now.Parts[0].Levels[i].Used; got != want[i] || got > limit {
			t.failf("%q: Used is %d, want %d, which were admitted, at most %d", m.Name, got, want[i], limit)
		}
	}
}

// held are meters of which three callers can hold a unit at a time.
var held = []store.Meter{bucket("rate", 3, perDay), daily(0, 3)}

// hold takes a unit. If it gets one, it calls use, and gives the unit back a moment
// later.
func (t *trial) hold(on []store.Meter, use func(n int64), refused func(c *store.Charge) error) error {
	c := t.charge(take(1, on...))
	if err := t.c.Take(t.ctx, c); err != nil {
		return err
	}
	if c.OK {
		use(1)
	}
	time.Sleep(time.Nanosecond) // others come meanwhile
	if !c.OK {
		return refused(c)
	}
	use(-1)
	return t.admits(t.charge(give(1, on...)))
}

func holders(t *trial) {
	for _, m := range held {
		var now, most atomic.Int64
		t.crowd(few, func(g, i int) error {
			time.Sleep(time.Duration((5*g + 3*i) % 16)) // now and then no unit is used
			return t.hold([]store.Meter{m}, func(n int64) {
				for n := now.Add(n); n > most.Load(); n = now.Load() {
					most.Store(n)
				}
			}, func(*store.Charge) error { return nil })
		})
		if most.Load() > m.Max {
			t.failf("%d callers had a unit of %q at a time, want at most %d", most.Load(), m.Name, m.Max)
		}
		t.play(read(m).yes(0))
	}
}

func refusals(t *trial) {
	t.crowd(few, func(g, i int) error {
		return t.hold(held, func(int64) {}, func(c *store.Charge) error {
			waits := false
			for i, l := range c.Parts[0].Levels[:len(held)] {
				waits = waits || l.Wait > 0
				if full := l.Used == held[i].Max; full != (l.Wait > 0) {
					return fmt.Errorf("%s, refused: level of %q is %+v", t.where(c), held[i].Name, l)
				}
			}
			if !waits {
				return fmt.Errorf("%s, refused: no meter has a Wait: %+v", t.where(c), c.Parts[0].Levels[:len(held)])
			}
			return nil
		})
	})
	t.play(read(held...).yes(0, 0))
}
