package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// partFullPromises are about charges of several parts of a counter that is full.
var partFullPromises = []promise{{
	name: "full/several",
	says: "A charge makes all of its new subjects or none. ErrFull stands for the whole charge: no part was charged, also " +
		"none of a subject that the counter has.",
	needs: isFull,
	test: func(t *trial) {
		room := t.fill()
		t.lacksRoom(take(1, rate).as(filler(0)).and(take(1, quota).as(filler(0) + ">new")))
		t.lacksRoom(take(1, quota).as(filler(0) + ">new").and(take(1, rate).as(filler(0))))
		t.play(read(rate).as(filler(0)).yes(1), read(quota).as(filler(0)+">new").yes(0))

		for free := 1; free < min(3, room); free++ {
			t.c = t.Full(t.tb)
			for i := range room - free {
				t.play(take(1, quota).as(fmt.Sprint("f>old ", i)).yes(1))
			}
			first := take(1, calls).as("f>old 0")
			for i := range free + 1 {
				first = first.and(take(1, quota).as(fmt.Sprint("f>new ", i)))
			}
			t.lacksRoom(first)
			for i := range free + 1 {
				t.play(read(quota).as(fmt.Sprint("f>new ", i)).yes(0).and(read(calls).as("f>old 0").yes(0)))
			}
			for i := range free { // the room is still there
				t.play(take(1, quota).as(fmt.Sprint("f>other ", i)).yes(1).and(take(1, calls).as("f>old 0").yes(int64(i) + 1)))
			}
			t.lacksRoom(take(1, quota).as("f>new 0").and(take(1, calls).as("f>old 0")))
		}
	},
}, {
	name:  "full/part-read",
	says:  "A part that only reads needs no room, and takes none, also beside one that is charged.",
	needs: isFull,
	test: func(t *trial) {
		room := t.fill()
		t.play(read(rate).as("filler").yes(0).and(read(quota).as("filler>new").yes(0)))
		t.c = t.Full(t.tb)
		for i := range room {
			t.play(take(1, quota).as(fmt.Sprint("f>", i)).yes(1).and(read(quota).as(fmt.Sprint("f>reader ", i)).yes(0)))
		}
		t.play(take(1, quota).as("f>0").yes(2).and(read(quota).as("f>reader").yes(0)))
		t.lacksRoom(take(1, quota).as("f>0").and(take(1, quota).as("f>reader")))
	},
}, {
	name:    "full/own-part",
	says:    "To make room for one part, a full counter never drops what it charges in another part of the same charge.",
	needs:   isFull,
	refills: true,
	test: func(t *trial) {
		t.needsClock()
		one := func(who string) step { return take(1, bucket("rate", 2, perSecond)).as(who) }
		room := t.fill()
		if room < 4 {
			t.skipf("needs a counter with room for four subjects")
		}
		t.c = t.Full(t.tb)
		for i := range room {
			t.play(one(fmt.Sprint("f>", i)).yes(1))
		}
		for i := range 3 * room { // all but the four of a charge can go
			t.later(5 * time.Second)
			a, b := fmt.Sprint("f>", i), fmt.Sprint("f>", i+1)
			x, y := fmt.Sprint("f>", i+room), fmt.Sprint("f>", i+2*room)
			t.play(
				one(a).yes(1).and(one(x).yes(1)).and(one(b).yes(1)).and(one(y).yes(1)),
				one(y).yes(2).and(one(b).yes(2)).and(one(x).yes(2)).and(one(a).yes(2)),
			)
		}
	},
}, {
	name:  "full/moved",
	says:  "A full counter forgets no subject that is closed, however many new subjects it refuses.",
	needs: isFull,
	test: func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		t.moves("key", "acme>key")
		t.fill()
		for i := range 20 {
			t.lacksRoom(take(1, rate).as("acme>key").and(take(1, quota).as(fmt.Sprint("acme>", i))))
		}
		t.isMoved(take(1, quota).as("key"), "key", "acme>key")
		t.play(take(1, quota).as("acme>key").yes(2))
	},
}}

// lacksRoom makes a charge that must return ErrFull.
func (t *trial) lacksRoom(s step) {
	t.steps.Add(1)
	c := t.charge(s)
	err := t.c.Take(t.ctx, c)
	if errors.Is(err, store.ErrFull) && errors.Is(err, store.ErrNotTaken) {
		return
	}
	got := "no error"
	if err != nil {
		got = fmt.Sprintf("the error %q", err.Error())
	}
	t.failf("%s: Take returned %s, want one that wraps %q and %q", t.where(c), got, store.ErrFull, store.ErrNotTaken)
}

// needsClock skips a case whose time the store's clock does not follow.
func (t *trial) needsClock() {
	if t.Bubble == nil && t.Advance == nil {
		t.skipf("needs a store whose clock the test can move: Harness.Bubble or Harness.Advance")
	}
}
