package storetest

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

var planPromises = []promise{{
	name: "plan/bucket-capacity",
	says: "A bucket whose capacity changes keeps the tokens it has, down to a smaller capacity.",
	story: []step{
		take(7, bucket("rate", 10, perDay)).yes(7),
		read(bucket("rate", 20, perDay)).yes(17),
		take(1, bucket("rate", 20, perDay)).yes(18),
		take(3, bucket("rate", 20, perDay)).no(18).waits(day),
		read(bucket("rate", 1, perDay)).yes(0),
		read(bucket("rate", 10, perDay)).yes(8),
		take(1, bucket("rate", 1, perDay)).yes(1),
		read(bucket("rate", 10, perDay)).yes(10),
		give(4, bucket("rate", 10, perDay)).yes(6),
		take(1, bucket("rate", 0, perDay)).no(0).waits(store.Never),
		read(bucket("rate", 10, perDay)).yes(6),
	},
}, {
	name: "plan/bucket-rate",
	says: "A bucket whose rate changes keeps the tokens it has. A plan change does not fill it up.",
	story: []step{
		take(10, bucket("rate", 10, perDay)).yes(10),
		take(1, bucket("rate", 10, perHour)).no(10),
		take(1, bucket("rate", 10, store.Rate{})).no(10).waits(store.Never).resets(store.Never),
		give(3, bucket("rate", 10, perHour)).yes(7),
		read(bucket("rate", 10, perDay)).yes(7),
		take(4, bucket("rate", 30, perDay)).no(27),
	},
}, {
	name:    "plan/bucket-fraction",
	says:    "A fraction of a token survives a change of rate.",
	refills: true,
	story: []step{
		take(10, bucket("rate", 10, perSecond)).yes(10),
		later(1500 * time.Millisecond),
		take(1, bucket("rate", 10, perSecond)).yes(10),
		take(1, bucket("rate", 10, perDay)).no(10).waits(12 * time.Hour),
		give(1, bucket("rate", 10, perDay)).yes(9),
		later(6 * time.Hour),
		take(1, bucket("rate", 10, perDay)).yes(10),
		take(1, bucket("rate", 10, perSecond)).no(10).waits(250 * time.Millisecond),
	},
}, {
	name: "plan/window-keep",
	says: "A window that is charged with another Keep is the same window. No figure of a Meter is part of its identity.",
	story: []step{
		take(3, daily(0, 5)).yes(3),
		take(1, keptFor(daily(0, 5), 9*day)).yes(4),
		read(daily(0, 5)).yes(4),
		take(2, keptFor(daily(0, 5), 0)).no(4),
		give(2, keptFor(daily(0, 5), 9*day)).yes(2),
		read(daily(0, 5)).yes(2),
	},
}, {
	name: "plan/window-limit",
	says: "A window whose limit changes keeps its use, even above a smaller limit, and always accepts a refund.",
	story: []step{
		take(6, daily(0, 10)).yes(6),
		take(1, daily(0, 5)).no(6).waits(day),
		read(daily(0, 5)).yes(6),
		give(2, daily(0, 5)).yes(4),
		take(1, daily(0, 5)).yes(5),
		take(15, daily(0, 20)).yes(20),
		read(daily(0, 0)).yes(20),
		take(1, daily(0, 0)).no(20).waits(store.Never),
	},
}, {
	name: "plan/window-length",
	says: "The state of a window belongs to its start. A window that is charged with a later End keeps its use " +
		"until that End.",
	story: []step{
		take(3, window("quota", 5, 0, time.Hour)).yes(3),
		take(1, window("quota", 5, 0, day)).yes(4),
		later(23 * time.Hour),
		take(2, window("quota", 5, 0, day)).no(4).waits(time.Hour),
		take(1, window("quota", 5, 0, 9*day)).yes(5),
		later(8 * day),
		take(1, window("quota", 5, 0, 9*day)).no(5).waits(time.Hour),
	},
}, {
	name: "bucket/rare",
	says: "A rare bucket behaves like any other. A subject may have hundreds of them beside its other meters.",
	test: rare,
}}

// rare charges each of many IDs once, although each is tried several times.
func rare(t *trial) {
	const ids = 200
	quota, id := daily(0, ids), func(i int) store.Meter {
		m := bucket(fmt.Sprint("id-", i), 1, perDay)
		m.Rare = true
		return m
	}
	t.play(take(1, id(0)).yes(1).resets(day), take(1, id(0)).no(1).waits(day), read(id(0)).yes(1), give(1, id(0)).yes(0))
	for i := range ids {
		used := int64(i)
		t.play(
			take(1, quota, id(i)).yes(used+1, 1),
			take(1, quota, id(i)).no(used+1, 1),
			take(1, id(i/2), quota).no(1, used+1),
			read(quota, id(i)).yes(used+1, 1),
		)
	}
	t.play(
		take(1, quota, id(ids)).no(ids, 0).waits(day, 0),
		read(quota, id(7), id(ids)).yes(ids, 1, 0),
		give(1, quota, id(7)).yes(ids-1, 0),
		take(1, quota, id(7)).yes(ids, 1),
		set(1, id(7)).yes(0),
		take(1, id(7)).yes(1),
		take(1, id(7)).as("nobody").yes(1),
	)
}

// keptFor returns m with another Keep.
func keptFor(m store.Meter, keep time.Duration) store.Meter {
	m.Keep = keep
	return m
}
