package storetest

import (
	"errors"
	"fmt"

	"github.com/ration-go/ration/store"
)

// partBesidePromises are about charges of several parts beside the other calls.
var partBesidePromises = []promise{{
	name: "one/parts",
	says: "TakeOne charges the same bucket as a charge of several parts does, and changes no other subject of the family.",
	test: func(t *trial) {
		t.c = singly{t.c}
		t.play(
			take(1, three).as(key1).yes(1).and(take(1, three).as(acme).yes(1)),
			take(1, three).as(acme).yes(2), take(1, many).as(acme).yes(1), take(1, three).as(key1).yes(2),
			read(three).as(key1).yes(2).and(read(three, many).as(acme).yes(2, 1)),
			take(1, three).as(key2).yes(1).and(take(1, three).as(acme).yes(3)),
			take(1, three).as(acme).no(3), give(2, three).as(acme).yes(1),
			take(2, three).as(key2).yes(3).and(take(2, three).as(acme).yes(3)),
		)
	},
}, {
	name: "peek/parts",
	says: "Peek sees every part of a charge that returned before, and nothing of one that was refused.",
	test: func(t *trial) {
		t.peeksFamily(0, 0, 0)
		t.play(take(1, quota).as(key1).yes(1).and(take(2, quota).as(search).yes(2)).and(take(3, quota).as(acme).yes(3)))
		t.peeksFamily(1, 2, 3)
		t.play(take(1, quota).as(key1).no(1).and(take(1, quota).as(search).no(2)).and(take(1, quota).as(acme).no(3)))
		t.peeksFamily(1, 2, 3)
		t.play(give(3, quota).as(acme).yes(0).and(take(1, quota).as(key1).yes(2)))
		t.peeksFamily(2, 2, 0)
	},
}, {
	name: "ctx/parts",
	says: "If ctx ends while a charge of several parts is under way, all parts are charged or none. Without an error they " +
		"were. With ErrNotTaken they were not.",
	test: partsUnderWay,
}}

// peeksFamily checks what Peek shows of a key, a team and an organisation.
func (t *trial) peeksFamily(want ...int64) {
	t.steps.Add(1)
	t.peeks([]store.Meter{quota}, []string{key1, search, acme}, want...)
}

// partsUnderWay makes charges whose ctx ends at each look that the store takes at it.
func partsUnderWay(t *trial) {
	for looks := 1; looks <= mostLooks; looks++ {
		key, org := fmt.Sprint("org ", looks, ">key"), fmt.Sprint("org ", looks)
		t.play(take(5, hundreds...).as(key).yes(5, 5, 5).and(take(7, hundreds...).as(org).yes(7, 7, 7)))
		ctx := t.endsAt(looks)
		c := t.charge(take(3, hundreds...).as(key).and(take(4, hundreds...).as(org)))
		err := t.c.Take(ctx, c)
		ended := ctx.end()
		t.settle()

		made := read(hundreds...).as(key).yes(8, 8, 8).and(read(hundreds...).as(org).yes(11, 11, 11))
		unmade := read(hundreds...).as(key).yes(5, 5, 5).and(read(hundreds...).as(org).yes(7, 7, 7))
		now := t.take(t.charge(made))
		unlike, changed := t.compare(&made, now), t.compare(&unmade, now)
		switch {
		case err == nil && (!c.OK || unlike != ""):
			t.failf("%s, OK %t, without an error: then %s", about(c), c.OK, unlike)
		case errors.Is(err, store.ErrNotTaken) && changed != "":
			t.failf("%s, error %v: then %s", about(c), err, changed)
		case unlike != "" && changed != "":
			t.failf("%s, error %v: then %s, or if it was not made, %s", about(c), err, unlike, changed)
		}
		if !ended {
			return // the store looks no more often
		}
	}
}
