package storetest

import "github.com/ration-go/ration/store"

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
		take(3, quota).as(key1).yes(3).and(take(1, soft(daily(0, 1))).as(acme).yes(1).waits(0)),
		take(1, quota).as(key1).no(3).waits(day).and(take(1, soft(daily(0, 1))).as(acme).no(1).waits(day)),
		take(1, quota, soft(month)).as(key1).no(3, 0).waits(day, 0),
		read(quota, month).as(key1).yes(3, 0).and(read(daily(0, 1)).as(acme).yes(1)),
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
