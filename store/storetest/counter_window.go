package storetest

import (
	"time"

	"github.com/ration-go/ration/store"
)

var windowPromises = []promise{{
	name: "window/reset",
	says: "A window lasts exactly until its End, and the next one starts unused.",
	story: []step{
		take(3, daily(0, 3), use(0)).yes(3, 3),
		later(day - us),
		take(1, daily(0, 3), use(0)).no(3, 3).waits(us, 0),
		later(us),
		read(daily(1, 3), use(1)).yes(0, 0),
		take(3, daily(1, 3), use(1)).yes(3, 3),
		take(1, daily(1, 3), use(1)).no(3, 3).waits(day, 0),
		later(5 * day),
		take(2, daily(6, 3), use(6)).yes(2, 2),
	},
}, {
	name: "window/unlimited",
	says: "An Unlimited window counts and never refuses.",
	story: []step{
		take(1_000_000, use(0)).yes(1_000_000),
		take(1<<40, use(0)).yes(1_000_000 + 1<<40),
		each(1, 4).of(use(0), quota).no(1_000_000+1<<40, 0).waits(0, store.Never),
		give(1<<40, use(0)).yes(1_000_000),
	},
}, {
	name: "window/own-clock",
	says: "If At is zero, the store reads its own clock.",
	test: func(t *trial) {
		c := t.charge(take(1, window("wide", 2, -day, day), bucket("rate", 2, perDay)))
		c.At = time.Time{}
		for i := range 3 {
			t.take(c)
			l := c.Parts[0].Levels
			if c.OK != (i < 2) || l[0].Used != min(int64(i)+1, 2) || l[1].Used != l[0].Used {
				t.failf("charge %d of 1 with a zero At: OK is %t and each Used is %d and %d, want 2 charges admitted", i+1, c.OK, l[0].Used, l[1].Used)
			}
			if l[0].Reset < 23*time.Hour || l[0].Reset > 25*time.Hour {
				t.failf("a window that ends in 24h has a Reset of %v", l[0].Reset)
			}
		}
		t.play(read(window("wide", 2, -day, day)).yes(2))
	},
}, {
	name: "window/clock-back",
	says: "If a caller's clock steps back across midnight, the old window is as it was, and the new one is not reset.",
	story: []step{
		take(3, daily(0, 3)).yes(3),
		later(day),
		take(2, daily(1, 3)).yes(2),
		askew(-time.Second),
		take(1, daily(0, 3)).no(3).waits(time.Second),
		read(daily(1, 3)).yes(2),
		askew(0),
		take(2, daily(1, 3)).no(2).waits(day),
		take(1, daily(1, 3)).yes(3),
	},
}}

var latePromises = []promise{{
	name: "late/refund",
	says: "A refund reaches the window that was charged, not the current one, even after midnight.",
	story: []step{
		take(3, daily(0, 3), use(0)).yes(3, 3),
		later(day),
		take(2, daily(1, 3), use(1)).yes(2, 2),
		give(1, daily(0, 3), use(0)).yes(2, 2),
		read(daily(1, 3), use(1), daily(0, 3), use(0)).yes(2, 2, 2, 2),
		later(day),
		take(1, daily(2, 3), use(2)).yes(1, 1),
		give(1, daily(1, 3), use(1)).yes(1, 1),
		give(1, daily(0, 3), use(0)).yes(1, 1),
		read(daily(0, 3), daily(1, 3), daily(2, 3)).yes(1, 1, 1),
	},
}, {
	name: "late/keep",
	says: "A window can be charged, read and refunded until its End and Keep, while newer windows exist.",
	story: []step{
		take(3, daily(0, 3)).yes(3),
		later(day),
		take(1, daily(1, 3)).yes(1),
		later(day),
		take(1, daily(2, 3)).yes(1),
		later(day - time.Second),
		read(daily(0, 3)).yes(3).resets(0),
		take(1, daily(0, 3)).no(3).waits(store.Never),
		give(2, daily(0, 3)).yes(1),
		take(1, daily(0, 3)).yes(2),
		read(daily(2, 3), daily(1, 3), daily(0, 3)).yes(1, 1, 2),
	},
}, {
	name: "late/longer",
	says: "An old window that is charged with a later End is kept according to that End, while newer windows exist.",
	story: []step{
		take(3, daily(0, 9)).yes(3),
		later(day),
		take(1, daily(1, 9), use(1)).yes(1, 1),
		take(1, window("day", 9, 0, 9*day)).yes(4),
		later(day),
		take(1, window("day", 9, 0, 9*day), use(2)).yes(5, 1),
		later(day),
		take(1, window("day", 9, 0, 9*day), use(3)).yes(6, 1),
		later(3 * day),
		take(1, window("day", 9, 0, 9*day), use(6)).yes(7, 1),
		later(2 * day),
		take(1, window("day", 9, 0, 9*day), use(8)).yes(8, 1),
		take(2, window("day", 9, 0, 9*day), use(8)).no(8, 1),
	},
}, {
	name: "late/own-keep",
	says: "An old window is kept until its own End and Keep, though a newer one with a shorter Keep was charged before it.",
	story: []step{
		later(day),
		take(1, keeping(0, daily(1, 3))).yes(1),
		take(2, keeping(9*day, daily(0, 3))).yes(2),
		later(8 * day),
		read(keeping(9*day, daily(0, 3))).yes(2),
		take(2, keeping(9*day, daily(0, 3))).no(2).waits(store.Never),
	},
}, {
	name: "late/first",
	says: "An old window can be charged for the first time while a newer one exists, and the newer one does not change.",
	story: []step{
		later(day),
		take(2, daily(1, 3), use(1)).yes(2, 2),
		take(1, daily(0, 3), use(0)).yes(1, 1),
		take(3, daily(0, 3), use(0)).no(1, 1).waits(store.Never, 0),
		take(1, daily(1, 3), use(1)).yes(3, 3),
		read(daily(0, 3), use(0)).yes(1, 1),
		take(1, daily(1, 3), use(1)).no(3, 3),
	},
}, {
	name: "late/old-read",
	says: "Reading an old window, or one that was never charged, does not change the newer one.",
	story: []step{
		later(day),
		take(2, daily(1, 3)).yes(2),
		read(daily(0, 3)).yes(0),
		read(daily(-5, 3)).yes(0),
		read(daily(1, 3)).yes(2),
		take(2, daily(1, 3)).no(2),
	},
}, {
	name: "late/new-read",
	says: "A read neither starts nor ends a window. The old window continues until a newer one is charged, and after that.",
	story: []step{
		take(2, daily(0, 3)).yes(2),
		read(daily(1, 3)).yes(0),
		read(daily(9, 3)).yes(0),
		take(2, daily(0, 3)).no(2).waits(day),
		take(1, daily(0, 3)).yes(3),
		take(4, daily(1, 3)).no(0),
		each(0, 1).of(daily(1, 3), use(1)).yes(0, 1),
		give(1, daily(0, 3)).yes(2),
		read(daily(0, 3)).yes(2),
	},
}, {
	name: "late/one-charge",
	says: "One charge may name several windows of one name, old and new.",
	story: []step{
		each(1, 2, 3).of(daily(0, 3), daily(1, 3), daily(2, 3)).yes(1, 2, 3),
		each(2, 1, -1).of(daily(0, 3), daily(1, 3), daily(2, 3)).yes(3, 3, 2),
		each(-1, 1, 1).of(daily(0, 3), daily(1, 3), daily(2, 3)).no(3, 3, 2).waits(0, 2*day, 0),
		each(1, -1, -3).of(daily(2, 3), daily(1, 3), daily(0, 3)).yes(3, 2, 0),
		read(daily(2, 3), daily(0, 3), daily(1, 3)).yes(3, 0, 2),
	},
}, {
	name: "late/report",
	says: "Ninety days within their Keep can be read long afterwards.",
	test: func(t *trial) {
		var days []store.Meter
		for i := range int64(90) {
			m := use(i)
			m.Keep = 90 * day
			t.play(take(i+1, m).yes(i+1), later(day))
			days = append(days, m)
		}
		for i, m := range days {
			t.play(read(m).yes(int64(i) + 1))
		}
		t.play(give(1, days[0]).yes(0), give(1, days[45]).yes(45), read(days[44], days[46]).yes(45, 47))
	},
}}

// keeping returns m with another Keep.
func keeping(keep time.Duration, m store.Meter) store.Meter {
	m.Keep = keep
	return m
}
