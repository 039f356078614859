package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// hours is a window of the length of a number of hours.
func hours(n int) store.Meter { return window("hours", 1000, 0, time.Duration(n)*time.Hour) }

var lastPromises = []promise{{
	name: "peek/last",
	says: "Peek tells the Last of every window in the order of the levels, and of nobody who has none.",
	test: func(t *trial) {
		t.play(take(1, quota).as("a").yes(1), later(2*time.Minute), take(1, quota, month).as("b").yes(1, 1))
		var on []store.Meter // more than a charge has
		for i := range 17 {
			on = append(on, bucket(fmt.Sprint("rate-", i), 1, perDay))
		}
		on = t.meters(append(on, quota, month)...)
		who := []string{"b", "nobody", "a"}
		levels, last := make([]store.Level, len(who)*len(on)), slices.Repeat([]int64{-1}, len(who)*len(on))
		if err := store.Peek(t.ctx, t.c, t.at(), who, on, levels, last); err != nil {
			t.failf("%s returned the error %q, want none", t.byPeek(), err)
		}
		want := slices.Concat(repeat(0, 17), []int64{3, 1}, repeat(0, 17), []int64{0, 0}, repeat(0, 17), []int64{1, 0})
		if !slices.Equal(last, want) {
			t.failf("the Last of %q is %v, want %v", who, last, want)
		}
	},
}, {
	name: "last/minute",
	says: "Last is the minute of the window in which units were last taken, counted from 1, and zero if none were.",
	story: []step{
		read(calls, quota).yes(0, 0).lasts(0, 0),
		take(1, quota).yes(1).lasts(1),
		later(59 * time.Second), take(1, quota).yes(2).lasts(1),
		later(time.Second), read(quota).yes(2).lasts(1),
		take(1, quota).yes(3).lasts(2),
		later(time.Hour), read(quota).yes(3).lasts(2),
	},
}, {
	name: "last/taken",
	says: "Only a charge that is applied and takes units changes Last: no read, no refusal, no refund, no SetRemaining.",
	story: []step{
		take(2, quota).yes(2).lasts(1),
		later(time.Hour),
		read(quota).yes(2).lasts(1), take(2, quota).no(2).lasts(1), give(1, quota).yes(1).lasts(1), set(2, quota).yes(1).lasts(1),
		take(1, quota).as("other").yes(1).lasts(61), read(quota).yes(1).lasts(1),
		take(1, quota).yes(2).lasts(61),
	},
}, {
	name: "last/back-to-zero",
	says: "A window whose units were all given back keeps its Last.",
	story: []step{
		take(2, month).yes(2).lasts(1), later(time.Hour),
		give(2, month).yes(0).lasts(1), read(month).yes(0).lasts(1),
	},
}, {
	name: "last/back",
	says: "Last never moves back for an earlier At.",
	story: []step{
		later(10 * time.Minute), take(1, quota).yes(1).lasts(11),
		askew(-5 * time.Minute), take(1, quota).yes(2).lasts(11),
	},
}, {
	name: "last/around",
	says: "A charge before a window counts as its first span, and one after it as its last.",
	story: []step{
		take(1, daily(1, 9)).yes(1).lasts(1),
		later(2*day + time.Hour), take(1, daily(1, 9)).yes(2).lasts(1440),
	},
}, {
	name: "last/long",
	says: "Of a window longer than 34 hours, a span is as many minutes as it takes for 2047 of them to cover the window.",
	story: []step{
		later(34 * time.Hour), take(1, hours(34)).yes(1).lasts(2040),
		take(1, window("month", 9, 0, 30*day)).yes(1).lasts(1 + 34*60/22),
		later(9 * day), take(1, window("month", 9, 0, 30*day)).yes(2).lasts(1 + (34+9*24)*60/22),
		take(1, window("year", 9, 0, 365*day)).yes(1).lasts(1 + (34+9*24)*60/257),
	},
}, {
	name: "last/ended",
	says: "A window that has ended keeps its Last until its Keep has passed.",
	story: []step{
		later(time.Hour), take(1, quota).yes(1).lasts(61),
		later(day + time.Hour), take(1, daily(1, 3)).yes(1).lasts(121), read(quota).yes(1).lasts(61),
		later(12 * time.Hour), read(quota, daily(1, 3)).yes(1, 1).lasts(61, 121),
	},
}, {
	name: "last/part",
	says: "Each window of each part has its own Last.",
	story: []step{
		take(1, quota, month).as(key1).yes(1, 1).lasts(1, 1).and(take(1, quota).as(acme).yes(1).lasts(1)),
		later(2 * time.Hour),
		take(1, quota).as(key2).yes(1).lasts(121).and(take(1, quota).as(acme).yes(2).lasts(121)),
		each(1, 0).of(quota, month).as(key1).yes(2, 1).lasts(121, 1).and(read(quota).as(acme).yes(2).lasts(121)),
	},
}}
