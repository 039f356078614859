package storetest

import (
	"time"

	"github.com/ration-go/ration/store"
)

// soft returns m as a meter that never refuses.
func soft(m store.Meter) store.Meter {
	m.Soft = true
	return m
}

var softPromises = []promise{{
	name: "soft/window",
	says: "A soft window that has no room counts on, above its Max. Its Wait is what it would be if it were not soft.",
	story: []step{
		take(2, soft(quota)).yes(2).waits(0),
		take(2, soft(quota)).yes(4).waits(day),
		take(9, soft(quota)).yes(13).waits(store.Never),
		read(soft(quota)).yes(13).waits(0),
		take(1, quota).no(13).waits(day),
		give(12, soft(quota)).yes(1).waits(0),
		take(2, quota).yes(3),
	},
}, {
	name: "soft/bucket",
	says: "A soft bucket that has too few tokens keeps those it has. Its Wait is what it would be if it were not soft.",
	story: []step{
		take(2, soft(bucket("rate", 3, perDay))).yes(2).waits(0),
		take(2, soft(bucket("rate", 3, perDay))).yes(2).waits(day),
		take(9, soft(bucket("rate", 3, perDay))).yes(2).waits(store.Never),
		take(1, bucket("rate", 3, perDay)).yes(3).waits(0),
		take(1, soft(bucket("rate", 3, perDay))).yes(3).waits(day),
		take(1, soft(bucket("none", 0, perDay))).yes(0).waits(store.Never),
	},
	refills: true,
}, {
	name: "soft/beside",
	says: "What a hard meter refuses changes no soft meter, in its own part or in another.",
	story: []step{
		take(3, quota).yes(3).and(take(1, soft(daily(0, 1))).as("somebody>other").yes(1).waits(0)),
		take(1, quota).no(3).waits(day).and(take(1, soft(daily(0, 1))).as("somebody>other").no(1).waits(day)),
		take(1, quota, soft(month)).no(3, 0).waits(day, 0),
		read(quota, month).yes(3, 0).and(read(daily(0, 1)).as("somebody>other").yes(1)),
	},
}, {
	name: "soft/tighter",
	says: "A soft meter with a lower Max beside a hard one tells when it would have refused, and refuses nothing.",
	story: []step{
		take(3, daily(0, 5), soft(window("warn", 2, 0, day))).yes(3, 3).waits(0, store.Never),
		take(2, daily(0, 5), soft(window("warn", 2, 0, day))).yes(5, 5).waits(0, day),
		take(1, daily(0, 5), soft(window("warn", 2, 0, day))).no(5, 5).waits(day, day),
	},
}, {
	name: "soft/switch",
	says: "State does not depend on Soft. A meter may be soft in one charge and hard in the next.",
	story: []step{
		take(5, soft(quota), soft(rate)).yes(5, 0).waits(store.Never, store.Never),
		take(1, quota).no(5),
		set(2, quota).yes(5).outof(7),
		take(2, quota).yes(7).outof(7),
		take(1, soft(quota)).yes(8).outof(7).waits(day),
	},
}, {
	name: "soft/most",
	says: "A soft window counts up to 2^53-1 and stays there.",
	story: []step{
		take(store.MaxUnits-1, soft(calls)).yes(store.MaxUnits - 1),
		take(5, soft(calls)).yes(store.MaxUnits).waits(day),
		take(1, soft(calls)).yes(store.MaxUnits).waits(day),
		take(1<<62, soft(quota)).yes(store.MaxUnits).waits(store.Never),
		give(1<<53-5, soft(quota)).yes(4),
	},
}}

// hours is a window of the length of a number of hours.
func hours(n int) store.Meter { return window("hours", 1000, 0, time.Duration(n)*time.Hour) }

var lastPromises = []promise{{
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
		later(day), take(1, daily(1, 3)).yes(1).lasts(61), read(quota).yes(1).lasts(61),
		later(12 * time.Hour), read(quota).yes(1).lasts(61),
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
