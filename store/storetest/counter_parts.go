package storetest

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// The subjects of most stories about parts: an organisation, its teams, and their keys.
// They are one family.
const (
	acme   = "acme"
	search = "acme>search"
	help   = "acme>help"
	key1   = "acme>search/key-1"
	key2   = "acme>search/key-2"
	key3   = "acme>help/key-3"
)

var (
	many  = window("many", 100, 0, 30*day)
	three = bucket("rate", 3, perDay)
)

var partPromises = []promise{{
	name: "parts/all",
	says: "If every meter of every part has room, all parts are charged.",
	story: []step{
		take(2, quota, calls).as(key1).yes(2, 2).and(take(2, quota).as(search).yes(2)).and(take(2, daily(0, 100)).as(acme).yes(2)),
		take(1, quota, calls).as(key2).yes(1, 1).and(take(1, daily(0, 4)).as(search).yes(3)).and(take(1, daily(0, 100)).as(acme).yes(3)),
		read(quota, calls).as(key1).yes(2, 2).and(read(quota, calls).as(key2).yes(1, 1)).and(read(daily(0, 100)).as(acme).yes(3)),
	},
}, {
	name: "parts/none",
	says: "If a meter of any part has no room, no part is charged, whichever part refuses.",
	story: []step{
		take(2, quota, three).as(key1).yes(2, 2).and(take(2, many).as(acme).yes(2)),
		take(2, quota, three).as(key1).no(2, 2).and(take(2, daily(0, 100)).as(acme).no(0)),
		take(1, quota).as(key2).no(0).and(take(99, daily(0, 98), calls).as(acme).no(0, 0)),
		read(quota, three).as(key1).yes(2, 2).and(read(daily(0, 100), many, calls).as(acme).yes(0, 2, 0)).and(read(quota).as(key2).yes(0)),
		take(1, quota, three).as(key1).yes(3, 3).and(take(1, many).as(acme).yes(3)),
	},
}, {
	name: "parts/levels",
	says: "The Levels of a refusal report the unchanged state of every part. Only the meters that refuse have a Wait.",
	story: []step{
		each(1, 3).of(rate, quota).as(key1).yes(1, 3).and(take(1, many).as(acme).yes(1)),
		take(1, rate, quota).as(key1).no(1, 3).waits(0, day).and(take(1, many, calls).as(acme).no(1, 0).waits(0, 0)),
		take(1, rate).as(key1).no(1).waits(0).and(take(200, many).as(acme).no(1).waits(store.Never)),
	},
}, {
	name: "parts/order",
	says: "The order of the parts changes no answer.",
	story: []step{
		take(1, many).as(acme).yes(1).and(take(2, many).as(search).yes(2)).and(take(3, many).as(key1).yes(3)),
		take(3, many).as(key1).yes(6).and(take(2, many).as(search).yes(4)).and(take(1, many).as(acme).yes(2)),
		take(2, many).as(search).yes(6).and(take(1, many).as(acme).yes(3)).and(take(3, many).as(key1).yes(9)),
		take(98, many).as(acme).no(3).and(take(3, many).as(key1).no(9)).and(take(2, many).as(search).no(6)),
	},
}, {
	name: "parts/most",
	says: "A charge has up to six parts with up to seventeen meters each, and they are one decision.",
	story: []step{
		take(1, seventeen...).as("f>1").yes(repeat(1, 17)...).and(take(1, seventeen...).as("f>2").yes(repeat(1, 17)...)).
			and(take(1, seventeen...).as("f>3").yes(repeat(1, 17)...)).and(take(1, seventeen...).as("f>4").yes(repeat(1, 17)...)).
			and(take(1, seventeen...).as("f>5").yes(repeat(1, 17)...)).and(take(1, seventeen...).as("f").yes(repeat(1, 17)...)),
		take(2, seventeen...).as("f>1").yes(repeat(3, 17)...),
		take(1, seventeen...).as("f>5").no(repeat(1, 17)...).and(take(1, seventeen...).as("f>6").no(repeat(0, 17)...)).
			and(take(1, seventeen...).as("f>1").no(repeat(3, 17)...)),
		read(seventeen...).as("f>5").yes(repeat(1, 17)...),
	},
}, {
	name: "parts/one-name",
	says: "Meters of one name belong to their subjects, also within one charge and one family.",
	story: []step{
		take(1, quota).as(acme).yes(1).and(take(1, quota).as(search).yes(1)).and(take(1, quota).as(key1).yes(1)),
		take(2, quota).as(search).yes(3),
		read(quota).as(acme).yes(1).and(read(quota).as(search).yes(3)).and(read(quota).as(key1).yes(1)),
		take(1, quota).as("acme>").yes(1).and(take(2, quota).as("acme>>").yes(2)),
		take(3, quota).as(">acme").yes(3), take(1, quota).as("blue>search").yes(1),
		read(quota).as("acme>").yes(1).and(read(quota).as("acme>>").yes(2)).and(read(quota).as(acme).yes(1)).and(read(quota).as(search).yes(3)),
		read(quota).as(">acme").yes(3), read(quota).as("blue>search").yes(1),
	},
}, {
	name: "parts/apart-n",
	says: "Each part has its own N. A part may give back or read while another takes.",
	story: []step{
		take(3, quota).as(key1).yes(3).and(take(2, many).as(acme).yes(2)),
		give(2, quota).as(key1).yes(1).and(take(3, many).as(acme).yes(5)),
		read(quota).as(key1).yes(1).and(take(1, many).as(acme).yes(6)),
		give(1, quota).as(key1).no(1).and(take(200, many).as(acme).no(6)),
		read(quota).as(key1).yes(1),
	},
}, {
	name: "parts/set",
	says: "SetRemaining sets the meters of every part.",
	story: []step{
		take(1, quota).as(key1).yes(1).and(take(1, many).as(acme).yes(1)),
		setEach(7).of(quota).as(key1).yes(1).outof(8).and(setEach(2).of(many).as(acme).yes(1).outof(3)),
		take(3, quota).as(key1).no(1).outof(8).and(take(3, many).as(acme).no(1).outof(3)),
		take(2, quota).as(key1).yes(3).outof(8).and(take(2, many).as(acme).yes(3).outof(3)),
	},
}, {
	name: "parts/new",
	says: "A charge that is refused creates no subject, and a part that only reads creates none either.",
	test: func(t *trial) { t.play(newcomers()...) },
}, {
	name: "parts/no-levels",
	says: "A part without Levels is charged all the same.",
	test: func(t *trial) {
		for _, s := range []step{
			take(1, quota).as(key1).and(take(1, many).as(acme)), give(1, quota).as(key1).and(take(3, many).as(acme)),
			take(9, quota).as(key1).and(take(1, many).as(acme)), set(2, quota).as(key1).and(set(5, many).as(acme)),
		} {
			c := t.charge(s)
			c.Parts[0].Levels, c.Parts[1].Levels = nil, nil
			t.take(c)
		}
		t.play(read(quota).as(key1).yes(0).outof(2).and(read(many).as(acme).yes(4).outof(9)))
	},
}, {
	name: "parts/without-meters",
	says: "A part may have no meters.",
	story: []step{
		take(1).as(key1).yes().and(take(2, quota).as(acme).yes(2)),
		take(1).as(key1).no().and(take(2, quota).as(acme).no(2)),
	},
}, {
	name: "parts/families",
	says: "A charge over several families is one decision, or it returns ErrApart and ErrNotTaken and charges nothing.",
	test: severalFamilies,
}, {
	name: "parts/place",
	says: "A Place of any part is only a hint: no value of it changes an answer.",
	test: func(t *trial) {
		t.c = newMisplaced(t.c)
		for i := range int64(20) {
			t.play(take(1, many).as(key1).yes(i + 1).and(take(1, calls).as(search).yes(2*i + 1)).and(take(1, calls).as(acme).yes(2*i + 1)))
			t.play(take(1, calls).as(search).yes(2*i + 2).and(take(1, calls).as(acme).yes(2*i + 2)).and(take(1, many).as(key2).yes(i + 1)))
		}
	},
}, {
	name: "parts/invalid",
	says: "A charge of no parts, of seven, or of a subject twice returns ErrInvalid and ErrNotTaken, and charges nothing.",
	test: invalidParts,
}, {
	name:    "parts/refill",
	says:    "The buckets of every part refill.",
	refills: true,
	story: []step{
		take(3, bucket("rate", 3, perSecond)).as(key1).yes(3).and(take(3, bucket("rate", 3, perSecond)).as(acme).yes(3)),
		later(1500 * time.Millisecond),
		take(1, bucket("rate", 3, perSecond)).as(acme).yes(3).resets(2500 * time.Millisecond).
			and(take(1, bucket("rate", 3, perSecond)).as(key1).yes(3).resets(2500 * time.Millisecond)),
		later(500 * time.Millisecond),
		take(1, bucket("rate", 3, perSecond)).as(key1).yes(3).and(take(1, bucket("rate", 3, perSecond)).as(acme).yes(3)),
	},
}, {
	name:    "parts/spent",
	says:    "A charge may make a subject while others of its parts have nothing left to lose. It counts in all of them.",
	refills: true,
	test:    newBesideSpent,
}}

// newcomers charges subjects that a store does not know. If it kept any of them, a later
// bucket with another Max would not be full.
func newcomers() []step {
	small, large := bucket("rate", 2, perDay), bucket("rate", 9, perDay)
	return []step{
		take(1, quota).as(acme).yes(1).and(read(small).as(key1).yes(0)),
		take(1, small).as(key2).no(0).and(take(3, quota).as(acme).no(1)),
		take(3, small).as(key3).no(0).and(take(1, quota).as(acme).no(1)),
		take(9, large).as(key1).yes(9), take(9, large).as(key2).yes(9), take(9, large).as(key3).yes(9),
	}
}

// newBesideSpent makes charges of two subjects whose buckets are full again and of two
// new ones. A store may drop the old ones to make room for the new ones.
func newBesideSpent(t *trial) {
	one := func(i int) step { return take(1, bucket("rate", 2, perSecond)).as(fmt.Sprint("crowd>", i)) }
	t.play(one(0).yes(1), one(1).yes(1))
	for i := range 60 {
		t.later(5 * time.Second)
		t.play(
			one(2*i).yes(1).and(one(2*i+2).yes(1)).and(one(2*i+1).yes(1)).and(one(2*i+3).yes(1)),
			one(2*i+3).yes(2).and(one(2*i+1).yes(2)).and(one(2*i+2).yes(2)).and(one(2*i).yes(2)),
		)
	}
}
