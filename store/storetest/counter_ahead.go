package storetest

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

var aheadPromises = []promise{{
	name: "ahead/windows",
	says: "A caller whose clock is far ahead costs other subjects no window that has not ended by their clock.",
	story: whileAhead([]step{
		take(3, minutely(0, 0), daily(0, 3), use(0)).yes(3, 3, 3),
		set(1, daily(0, 3)).yes(3).outof(4),
		take(2, use(-2)).yes(2),
	}, []step{
		take(1, minutely(0, 0)).no(3),
		read(minutely(0, 0), daily(0, 3), use(0), use(-2)).yes(3, 3, 3, 2).outof(3, 4, store.Unlimited, store.Unlimited),
	}),
}, {
	name: "ahead/buckets",
	says: "A caller whose clock is far ahead refills no bucket of other subjects.",
	story: whileAhead([]step{
		take(2, rate).yes(2),
		take(1, rareID(0)).yes(1),
	}, []step{
		take(1, rate).no(2).waits(day),
		take(1, rareID(0)).no(1).waits(day),
		read(rate).yes(2).resets(2 * day),
	}),
}, {
	name: "ahead/ids",
	says: "A caller whose clock is far ahead refills no bucket that it does not charge, not even of the same subject.",
	test: func(t *trial) {
		t.play(take(1, rareID(0)).yes(1), take(2, rate).yes(2), askew(3650*day))
		for i := range 50 {
			t.play(take(1, rareID(1+i)).yes(1))
		}
		t.play(askew(0), take(1, rareID(0)).no(1).waits(day), take(1, rate).no(2).waits(day))
	},
}, {
	name: "ahead/read",
	says: "A read by a caller whose clock is ahead refills no bucket and ends no window.",
	test: func(t *trial) {
		on := []store.Meter{rate, minutely(0, 0), quota}
		t.play(take(2, on...).yes(2, 2, 2), askew(30*day))
		levels := make([]store.Level, len(on))
		for range 3 {
			t.take(t.charge(read(on...)))
			if err := store.Peek(t.ctx, t.c, t.at(), []string{"somebody"}, t.meters(on...), levels, nil); err != nil {
				t.failf("%s returned the error %q, want none", t.byPeek(), err)
			}
		}
		t.play(
			askew(0),
			take(2, on...).no(2, 2, 2).waits(2*day, time.Minute, day),
			read(on...).yes(2, 2, 2).resets(2*day, time.Minute, day),
		)
	},
}, {
	name: "ahead/lifetime",
	says: "A window that was first charged by a caller whose clock is ahead is kept until its End and Keep by the " +
		"clocks of the others.",
	story: []step{
		askew(36 * time.Hour),
		take(1, daily(1, 3)).yes(1),
		askew(0),
		later(day),
		take(2, daily(1, 3)).yes(3),
		later(3*day - us),
		take(1, daily(3, 3)).yes(1),
		read(daily(1, 3)).yes(3),
		give(1, daily(1, 3)).yes(2),
	},
}}

// rareID is a rare bucket that holds one token a day.
func rareID(i int) store.Meter {
	m := bucket(fmt.Sprint("id-", i), 1, perDay)
	m.Rare = true
	return m
}

// whileAhead plays before and after, and in between charges a hundred visitors by a clock
// that is ten years ahead.
func whileAhead(before, after []step) []step {
	const years = 3650
	story := append(before, askew(years*day))
	for i := range 100 {
		who := fmt.Sprint("visitor ", i)
		story = append(story, take(1, rate, daily(years, 3), use(years)).as(who).yes(1, 1, 1))
	}
	return append(append(story, askew(0)), after...)
}
