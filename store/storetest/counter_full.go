package storetest

import (
	"errors"
	"fmt"

	"github.com/ration-go/ration/store"
)

var fullPromises = []promise{{
	name: "full/refuses",
	says: "If a counter has no room for a new subject, Take and TakeOne return an error that wraps ErrFull and ErrNotTaken, " +
		"and charge nothing.",
	needs: isFull,
	test: func(t *trial) {
		t.fill()
		for i := range 20 {
			c := t.charge(take(1, rate, quota).as(fmt.Sprint("newcomer ", i)))
			_, _, err := store.One(t.c).TakeOne(t.ctx, c.Parts[0].Subject, &c.Parts[0].Meters[0], c.At, 1)
			for call, err := range map[string]error{"Take": t.c.Take(t.ctx, c), "TakeOne": err} {
				if !errors.Is(err, store.ErrFull) || !errors.Is(err, store.ErrNotTaken) {
					t.failf("%s: %s returned the error %q, want one that wraps %q and %q", t.where(c), call, fmt.Sprint(err),
						store.ErrFull, store.ErrNotTaken)
				}
			}
		}
		for i := range 20 {
			t.play(read(rate, quota).as(fmt.Sprint("newcomer ", i)).yes(0, 0))
		}
	},
}, {
	name:  "full/keeps",
	says:  "A full counter forgets no allowance that is in use, however many new subjects it refuses.",
	needs: isFull,
	test: func(t *trial) {
		room := t.fill()
		for i := range 3 * room {
			t.refused(fmt.Sprint("newcomer ", i))
		}
		for i := range room {
			t.play(read(rate, quota).as(filler(i)).yes(1, 1))
		}
	},
}, {
	name: "full/parts",
	says: "An allowance is in use if tokens of a bucket are missing, if units of a window are used, or if SetRemaining has " +
		"changed the window. A full counter forgets none of them.",
	needs: isFull,
	test: func(t *trial) {
		t.play(
			take(1, rate).as("bucket").yes(1),
			take(1, quota).as("window").yes(1),
			set(0, quota).as("blocked").yes(0).outof(0),
			set(0, rate).as("emptied").yes(2),
		)
		t.fill()
		for i := range 20 {
			t.refused(fmt.Sprint("newcomer ", i))
		}
		t.play(
			take(2, rate).as("bucket").no(1),
			take(3, quota).as("window").no(1),
			take(1, quota).as("blocked").no(0).outof(0),
			take(1, rate).as("emptied").no(2),
		)
	},
}, {
	name: "full/existing",
	says: "A full counter charges the subjects that it has, also for meters and windows that are new to them. ErrFull is " +
		"for new subjects only.",
	needs: isFull,
	test: func(t *trial) {
		who := filler(t.fill() - 1)
		t.refused("newcomer")
		t.play(
			take(1, rate, quota).as(who).yes(2, 2),
			take(1, rate, quota).as(who).no(2, 2),
			give(1, rate, quota).as(who).yes(1, 1),
			set(2, quota).as(who).yes(1),
			take(1, month, calls, rareBucket("id")).as(who).yes(1, 1, 1),
			later(day),
			take(1, daily(1, 3)).as(who).yes(1),
			give(1, quota).as(who).yes(0),
			read(month, daily(1, 3), quota).as(who).yes(1, 1, 0),
		)
	},
}, {
	name:  "full/read",
	says:  "A read needs no room, and takes none. A full counter answers it for any subject.",
	needs: isFull,
	test: func(t *trial) {
		for i := range mostRoom + 1 {
			t.play(read(rate, quota).as(fmt.Sprint("reader ", i)).yes(0, 0))
		}
		t.play(take(1, rate, quota).as("first").yes(1, 1))
		t.fill()
		t.play(read(rate, quota).as("reader").yes(0, 0), read(rate, quota).as("first").yes(1, 1))
		levels := make([]store.Level, 4)
		if err := store.Peek(t.ctx, t.c, t.at(), []string{"reader", "first"}, t.meters(rate, quota), levels, nil); err != nil {
			t.failf("Peek of a full counter returned the error %q, want none", err)
		}
		if levels[1].Used != 0 || levels[3].Used != 1 {
			t.failf("Peek of a full counter: Used is %d and %d, want 0 and 1", levels[1].Used, levels[3].Used)
		}
	},
}, {
	name:    "full/room",
	says:    "A counter is full only while its subjects have something to lose. Later it has room again.",
	needs:   isFull,
	refills: true,
	test: func(t *trial) {
		t.needsClock()
		room := t.fill()
		t.refused("newcomer")
		t.later(9 * day) // past the Keep of every window, and every bucket is full
		for i := range room {
			t.play(take(1, rate, daily(9, 3)).as(fmt.Sprint("newcomer ", i)).yes(1, 1))
		}
	},
}}

// mostRoom is for how many subjects a full counter may have room.
const mostRoom = 100

func filler(i int) string { return fmt.Sprint("filler ", i) }

// fill charges new subjects until there is no room. It returns their number.
func (t *trial) fill() (room int) {
	for ; room <= mostRoom; room++ {
		c := t.charge(take(1, rate, quota).as(filler(room)))
		err := t.c.Take(t.ctx, c)
		if errors.Is(err, store.ErrFull) && room > 0 {
			return room
		}
		if err != nil {
			t.failf("%s: Take returned the error %q, want none, or one that wraps %q after the first subject", t.where(c), err, store.ErrFull)
		}
		if !c.OK {
			t.failf("%s: OK is false, want true", t.where(c))
		}
	}
	t.failf("the counter that Harness.Full made is not full with %d subjects that all have something to lose: it has more room, or it forgot some", room)
	return 0
}

// refused charges a subject for which there is no room.
func (t *trial) refused(newcomer string) {
	c := t.charge(take(1, rate, quota).as(newcomer))
	if err := t.c.Take(t.ctx, c); !errors.Is(err, store.ErrFull) {
		t.failf("%s: Take returned the error %q, want one that wraps %q", t.where(c), fmt.Sprint(err), store.ErrFull)
	}
}
