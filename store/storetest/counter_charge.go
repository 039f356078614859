package storetest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

var (
	rate  = bucket("rate", 2, perDay)
	quota = daily(0, 3)
	month = window("month", 4, 0, 30*day)
	calls = use(0)
)

var chargePromises = []promise{{
	name: "charge/all-or-nothing",
	says: "A charge is applied to all meters or to none. If one refuses, whichever it is, all stay as they were.",
	story: []step{
		each(3, 1, 1).of(rate, quota, month).no(0, 0, 0),
		each(1, 4, 1).of(rate, quota, month).no(0, 0, 0),
		each(1, 1, 5).of(rate, quota, month).no(0, 0, 0),
		each(3, 4, 1).of(rate, quota, month).no(0, 0, 0),
		read(rate, quota, month).yes(0, 0, 0),
		each(1, 2, 3).of(rate, quota, month).yes(1, 2, 3),
		each(2, 1, 1).of(rate, quota, month).no(1, 2, 3),
		each(1, 2, 1).of(rate, quota, month).no(1, 2, 3),
		each(1, 1, 2).of(rate, quota, month).no(1, 2, 3),
		each(-1, -1, 2).of(rate, quota, month).no(1, 2, 3),
		each(1, 1, 1).of(rate, quota, month).yes(2, 3, 4),
		take(1, rate, quota, month).no(2, 3, 4),
		read(month, quota, rate).yes(4, 3, 2),
	},
}, {
	name: "charge/n-per-meter",
	says: "N[i] is for Meters[i]. In one charge, one meter may take units, another read, and a third give units back.",
	story: []step{
		each(1, 500, 500).of(bucket("rate", 10, perDay), daily(0, 1000), calls).yes(1, 500, 500),
		each(1, 400, 300).of(bucket("rate", 10, perDay), daily(0, 1000), calls).yes(2, 900, 800),
		each(1, 101, 101).of(bucket("rate", 10, perDay), daily(0, 1000), calls).no(2, 900, 800),
		each(0, -250, -250).of(bucket("rate", 10, perDay), daily(0, 1000), calls).yes(2, 650, 550),
		each(3, 0, 7).of(bucket("rate", 10, perDay), daily(0, 1000), calls).yes(5, 650, 557),
		each(-2, 350, 0).of(bucket("rate", 10, perDay), daily(0, 1000), calls).yes(3, 1000, 557),
		each(7, 1, 1).of(bucket("rate", 10, perDay), daily(0, 1000), calls).no(3, 1000, 557),
		each(7, -1, 1).of(bucket("rate", 10, perDay), daily(0, 1000), calls).yes(10, 999, 558),
		read(bucket("rate", 10, perDay), daily(0, 1000), calls).yes(10, 999, 558),
	},
}, {
	name: "charge/by-name",
	says: "State belongs to the name of a meter, not to its position in a charge.",
	story: []step{
		each(1, 2, 3).of(rate, quota, month).yes(1, 2, 3),
		each(1, 0, 1).of(month, rate, quota).yes(4, 1, 3),
		take(1, quota).no(3),
		take(1, rate).yes(2),
		give(1, month, calls).yes(3, 0),
		read(calls, quota, month, rate).yes(0, 3, 3, 2),
	},
}, {
	name: "charge/kinds",
	says: "A bucket and a window of the same name are two meters.",
	story: []step{
		each(1, 2).of(bucket("day", 2, perDay), quota).yes(1, 2),
		each(1, 1).of(quota, bucket("day", 2, perDay)).yes(3, 2),
		give(1, quota).yes(2),
		read(bucket("day", 2, perDay), quota, daily(1, 3)).yes(2, 2, 0),
	},
}, {
	name: "charge/most-meters",
	says: "A part has up to seventeen meters, and they are one decision.",
	story: []step{
		take(2, seventeen...).yes(repeat(2, 17)...),
		take(2, seventeen...).no(repeat(2, 17)...),
		each(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2).of(seventeen...).no(repeat(2, 17)...),
		each(0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0).of(seventeen...).yes(2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2),
		give(1, seventeen...).yes(1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1),
	},
}, {
	name: "charge/more-meters",
	says: "A subject may have more meters than fit into one charge.",
	story: []step{
		take(1, seventeen...).yes(repeat(1, 17)...),
		take(2, rate, quota, month, calls).yes(2, 2, 2, 2),
		take(1, seventeen...).yes(repeat(2, 17)...),
		read(rate, quota, month, calls).yes(2, 2, 2, 2),
	},
}, {
	name:  "charge/no-meters",
	says:  "A charge without meters is admitted.",
	story: []step{take(1).yes(), set(1).yes()},
}, {
	name: "charge/give-back",
	says: "Giving back stops at a full bucket and at zero used. It is never refused.",
	story: []step{
		give(5, rate, quota).yes(0, 0),
		take(2, rate, quota).yes(2, 2),
		give(1, rate, quota).yes(1, 1),
		give(9, rate, quota).yes(0, 0),
		take(2, rate, quota).yes(2, 2),
		take(1, bucket("none", 0, perDay)).no(0).waits(store.Never),
		each(-1, 1).of(bucket("none", 0, perDay), quota).yes(0, 3),
		give(1, window("none", 0, 0, day)).yes(0),
	},
}, {
	name: "charge/huge",
	says: "No N overflows, however large. Taking it never fits. Giving it back stops at a full bucket and at zero used.",
	story: []step{
		take(math.MaxInt64, rate, quota).no(0, 0).waits(store.Never, store.Never),
		take(store.MaxUnits+1, rate, quota).no(0, 0).waits(store.Never, store.Never),
		take(1, rate, quota, calls).yes(1, 1, 1),
		take(math.MaxInt64, rate, quota).no(1, 1).waits(store.Never, store.Never),
		give(math.MaxInt64, rate, quota, calls).yes(0, 0, 0),
		take(1, rate, quota, calls).yes(1, 1, 1),
		take(math.MinInt64, rate, quota, calls).yes(0, 0, 0),
		take(math.MinInt64+1, rate, quota, calls).yes(0, 0, 0),
		take(2, rate, quota, calls).yes(2, 2, 2),
	},
}, {
	name: "charge/great-figures",
	says: "Figures are exact up to 2^53-1. Nothing is lost above 2^32 or in the last digits.",
	story: []step{
		take(1<<32+1, great...).yes(1<<32+1, 1<<32+1, 1<<32+1).resets(store.Never, day, day),
		take(1<<52, great...).yes(1<<52+1<<32+1, 1<<52+1<<32+1, 1<<52+1<<32+1),
		give(1<<32, great...).yes(1<<52+1, 1<<52+1, 1<<52+1),
		take(1<<52, great...).no(1<<52+1, 1<<52+1, 1<<52+1),
		take(1<<52-4, great...).yes(1<<53-3, 1<<53-3, 1<<53-3),
		take(1, great...).yes(1<<53-2, 1<<53-2, 1<<53-2),
		take(1, great[0], great[1]).no(1<<53-2, 1<<53-2).waits(store.Never, day),
		give(1, great...).yes(1<<53-3, 1<<53-3, 1<<53-3),
		give(1<<53-5, great...).yes(2, 2, 2),
		set(1<<53-3, great[0], great[1]).yes(1, 2).outof(1<<53-2, 1<<53-1),
	},
}}

// seventeen are buckets and windows in turn.
var seventeen = func() (all []store.Meter) {
	for i := range 8 {
		all = append(all, bucket(fmt.Sprint("rate-", i), 3, perDay), window(fmt.Sprint(i), 3, 0, day))
	}
	return append(all, window("8", 3, 0, day))
}()

// great are meters with the greatest figures: a bucket that does not refill, a window
// just below Unlimited, and an Unlimited window.
var great = []store.Meter{bucket("great", store.MaxUnits-1, store.Rate{}), daily(0, store.MaxUnits-1), calls}

var levelPromises = []promise{{
	name: "level/refused",
	says: "The Levels of a refusal report the unchanged state. Only the meters that refuse have a Wait.",
	story: []step{
		each(1, 3, 1, 1).of(rate, quota, month, calls).yes(1, 3, 1, 1).resets(day, day, 30*day, day),
		take(1, rate, quota, month, calls).no(1, 3, 1, 1).waits(0, day, 0, 0).resets(day, day, 30*day, day),
		each(2, 0, 1, 1).of(rate, quota, month, calls).no(1, 3, 1, 1).waits(day, 0, 0, 0).resets(day, day, 30*day, day),
		each(2, 1, 4, 9).of(rate, quota, month, calls).no(1, 3, 1, 1).waits(day, day, 30*day, 0),
		each(3, -1, 5, 1).of(rate, quota, month, calls).no(1, 3, 1, 1).waits(store.Never, 0, store.Never, 0),
	},
}, {
	name: "level/read",
	says: "An N of zero reads. It is always admitted and changes nothing.",
	story: []step{
		read(rate, quota, calls).yes(0, 0, 0).resets(0, day, day),
		take(2, rate, quota, calls).yes(2, 2, 2).resets(2*day, day, day),
		read(rate, quota, calls).yes(2, 2, 2).resets(2*day, day, day),
		each(0, 1, 1).of(rate, quota, calls).yes(2, 3, 3),
		read(rate, quota, calls).yes(2, 3, 3),
		read(rate, quota, calls).as("nobody").yes(0, 0, 0).resets(0, day, day),
	},
}, {
	name: "level/never",
	says: "A charge that can never fit has a Wait of Never.",
	story: []step{
		take(3, rate).no(0).waits(store.Never),
		take(4, quota).no(0).waits(store.Never),
		take(2, rate, quota).yes(2, 2),
		take(3, rate).no(2).waits(store.Never),
		take(4, quota).no(2).waits(store.Never),
		take(1, window("none", 0, 0, day)).no(0).waits(store.Never),
		take(1, bucket("none", 0, perDay)).no(0).waits(store.Never),
		take(1, bucket("fixed", 1, store.Rate{})).yes(1).resets(store.Never),
		take(1, bucket("fixed", 1, store.Rate{})).no(1).waits(store.Never).resets(store.Never),
	},
}, {
	name: "level/microseconds",
	says: "Durations count from At and are rounded up to the microsecond.",
	story: []step{
		later(100 * time.Millisecond),
		take(3, quota).yes(3).resets(day - 100*time.Millisecond),
		later(us),
		take(1, quota).no(3).waits(day - 100*time.Millisecond - us),
	},
}, {
	name: "level/rest",
	says: "What lies behind the Levels of a part keeps its value.",
	test: func(t *trial) {
		for n := range len(seventeen) {
			for _, s := range []step{read(seventeen[:n]...), take(1, seventeen[:n]...), take(3, seventeen[:n]...), set(1, seventeen[:n]...)} {
				c := t.charge(s)
				mark := store.Level{Max: 11, Used: 22, Wait: 33, Reset: 44}
				room := slices.Repeat([]store.Level{mark}, n+2)
				c.Parts[0].Levels = room[:n]
				t.take(c)
				for i, l := range room[n:] {
					if l != mark {
						t.failf("%s: element %d beyond the levels became %+v", about(c), i, l)
					}
				}
			}
		}
	},
}}
