package storetest

import (
	"fmt"

	"github.com/ration-go/ration/store"
)

var setRacePromises = []promise{{
	name: "race/set",
	says: "Charges and a SetRemaining that come at once do not lose each other's changes.",
	test: func(t *trial) {
		on := []store.Meter{daily(0, 1000), window("month", 2000, 0, 30*day)}
		var last []store.Level
		t.crowd(few, func(g, i int) error {
			if g > 0 {
				return t.admits(t.charge(take(1, on...)))
			}
			c := t.charge(set(int64(500+i), on...))
			err := t.admits(c)
			last = c.Parts[0].Levels
			return err
		})
		const used = (goroutines - 1) * few
		t.play(read(on...).yes(used, used).outof(last[0].Max, last[1].Max))
	},
}, {
	name: "race/set-once",
	says: "SetRemaining sets all of its meters at one instant.",
	test: func(t *trial) {
		on := []store.Meter{bucket("rate", 9, perDay), daily(0, 9), window("month", 9, 0, 30*day)}
		t.crowd(few, func(g, i int) error {
			if g%4 == 0 {
				return t.admits(t.charge(set(int64(1+i%5), on...)))
			}
			c := t.charge(take(10, on...)) // never fits, and reports the levels of one instant
			if err := t.c.Take(t.ctx, c); err != nil || c.OK {
				return fmt.Errorf("%s: OK %t, error %v", t.where(c), c.OK, err)
			}
			if left := c.Parts[0].Levels[0].Remaining(); c.Parts[0].Levels[1].Remaining() != left || c.Parts[0].Levels[2].Remaining() != left {
				return fmt.Errorf("%s: what remains was set at different instants: %+v", t.where(c), c.Parts[0].Levels[:3])
			}
			return nil
		})
	},
}, {
	name: "race/cut",
	says: "After a SetRemaining to zero, no charge is admitted, even if it came before and waited.",
	test: func(t *trial) {
		on := []store.Meter{daily(0, 1000), window("month", 1000, 0, 30*day)}
		t.crowd(few, func(g, i int) error {
			c := t.charge(take(1, on...))
			if cut := g == 0 && i == 2; cut {
				c = t.charge(set(0, on...))
			}
			return t.c.Take(t.ctx, c)
		})
		now := t.take(t.charge(read(on...)))
		for i, l := range now.Parts[0].Levels[:len(on)] {
			if l.Used > l.Max {
				t.failf("%q after it was cut to nothing: %d used of %d", on[i].Name, l.Used, l.Max)
			}
		}
	},
}}
