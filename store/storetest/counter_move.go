package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// movable is a promise about Move. It is skipped for a store that cannot move subjects.
func movable(name, says string, test func(t *trial)) promise {
	return promise{name: name, says: says, test: func(t *trial) {
		t.moves("probe", "probed")
		test(t)
	}}
}

// refilling makes a promise one that needs time to pass for buckets.
func refilling(p promise) promise {
	p.refills = true
	return p
}

var movePromises = []promise{
	movable("move/state", "Move gives the whole state of a subject to another: buckets, windows, ended ones, extensions and IDs.", func(t *trial) {
		id := bucket("id 1", 1, store.Rate{})
		id.Rare = true
		rate := bucket("rate", 2, store.Rate{})
		t.play(
			take(2, quota, rate, id).as("key").no(0, 0, 0), take(1, id).as("key").yes(1),
			take(2, quota, rate).as("key").yes(2, 2), set(5, month).as("key").yes(0).outof(5),
			give(1, rate).as("key").yes(1), later(day), take(1, daily(1, 3)).as("key").yes(1),
		)
		t.moves("key", "acme>key")
		t.play(
			read(quota, daily(1, 3), month, id).as("acme>key").yes(2, 1, 0, 1).outof(3, 3, 5, 1),
			take(2, daily(1, 3)).as("acme>key").yes(3).and(take(1, quota).as(acme).yes(1)),
			take(1, daily(1, 3)).as("acme>key").no(3),
		)
	}),
	refilling(movable("move/fraction", "Move gives a bucket with the fraction of a token that it has, and the instant of it.", func(t *trial) {
		t.play(take(3, bucket("rate", 3, perSecond)).as("key").yes(3), later(1500*time.Millisecond))
		t.play(take(1, bucket("rate", 3, perSecond)).as("key").yes(3), later(100*time.Millisecond))
		t.moves("key", "acme>key")
		t.play(
			take(1, bucket("rate", 3, perSecond)).as("acme>key").no(3).waits(400*time.Millisecond), later(400*time.Millisecond),
			take(1, bucket("rate", 3, perSecond)).as("acme>key").yes(3),
		)
	})),
	movable("move/taken", "Move gives the Last of each window, and what a soft one has counted above its Max.", func(t *trial) {
		t.play(later(time.Hour), take(5, soft(quota)).as("key").yes(5).waits(store.Never).lasts(61), later(time.Hour))
		t.moves("key", "acme>key")
		t.play(read(quota).as("acme>key").yes(5).lasts(61), take(1, soft(quota)).as("acme>key").yes(6).waits(day-2*time.Hour).lasts(121))
	}),
	movable("move/closed", "Every charge of a closed subject returns a MovedError that names the new one, and charges nothing in any part.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		t.moves("key", "acme>key")
		for _, s := range []step{
			take(1, quota).as("key"), read(quota).as("key"), give(1, quota).as("key"), set(9, quota).as("key"), take(1).as("key"),
			take(1, month).as("key>other").and(take(1, quota).as("key")), take(1, quota).as("key").and(take(1, month).as("key>other")),
		} {
			t.isMoved(s, "key", "acme>key")
		}
		t.play(read(quota).as("acme>key").yes(1), read(month).as("key>other").yes(0))
		var moved *store.MovedError
		err := store.Peek(t.ctx, t.c, t.at(), []string{"other", "key"}, t.meters(quota), make([]store.Level, 2), nil)
		if !errors.As(err, &moved) || moved.To != "acme>key" {
			t.failf("Peek of a closed subject: error %v, want a MovedError to %q", err, "acme>key")
		}
		_, _, err = store.One(t.c).TakeOne(t.ctx, "key", &t.meters(quota)[0], t.at(), 1)
		if !errors.As(err, &moved) || moved.To != "acme>key" {
			t.failf("TakeOne of a closed subject: error %v, want a MovedError to %q", err, "acme>key")
		}
	}),
	movable("move/repeated", "Repeating a Move that has succeeded changes nothing and returns no error.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		t.moves("key", "acme>key")
		t.play(take(1, quota).as("acme>key").yes(2))
		t.moves("key", "acme>key")
		t.play(read(quota).as("acme>key").yes(2))
	}),
	movable("move/unknown", "Moving a subject that has no state closes it, too.", func(t *trial) {
		t.moves("key", "acme>key")
		t.isMoved(take(1, quota).as("key"), "key", "acme>key")
		t.play(take(1, quota).as("acme>key").yes(1))
	}),
	movable("move/used", "A Move onto a subject that has state returns ErrInvalid and ErrNotTaken, and changes nothing.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1), take(2, quota).as("acme>key").yes(2))
		err := t.move("key", "acme>key")
		if !errors.Is(err, store.ErrInvalid) || !errors.Is(err, store.ErrNotTaken) {
			t.failf("the error is %v, want one that wraps %q and %q", err, store.ErrInvalid, store.ErrNotTaken)
		}
		t.play(take(1, quota).as("key").yes(2), take(1, quota).as("acme>key").yes(3))
	}),
	movable("move/back", "A subject can be moved back, and on. It is open then, and the other is closed.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		t.moves("key", "acme>key")
		t.moves("acme>key", "key")
		t.isMoved(take(1, quota).as("acme>key"), "acme>key", "key")
		t.play(take(1, quota).as("key").yes(2))
		t.moves("key", "blue>key")
		t.isMoved(take(1, quota).as("key"), "key", "blue>key")
		t.isMoved(take(1, quota).as("acme>key"), "acme>key", "key")
		t.play(take(1, quota).as("blue>key").yes(3))
	}),
	movable("move/elsewhere", "A closed subject cannot be moved elsewhere.", func(t *trial) {
		t.play(take(2, quota).as("key").yes(2))
		t.moves("key", "acme>key")
		var moved *store.MovedError
		if err := t.move("key", "blue>key"); !errors.As(err, &moved) || moved.To != "acme>key" {
			t.failf("the error is %v, want a MovedError to %q", err, "acme>key")
		}
		t.play(take(1, quota).as("blue>key").yes(1))
	}),
	movable("move/others", "A Move costs no other subject anything, also of the same family.", func(t *trial) {
		t.play(take(1, quota).as("acme").yes(1), take(2, quota).as("acme>a").yes(2), take(3, quota).as("acme>ab").yes(3))
		t.moves("acme>a", "blue>a")
		t.play(read(quota).as("acme").yes(1), read(quota).as("acme>ab").yes(3), read(quota).as("blue>a").yes(2), read(quota).as("blue").yes(0))
		t.moves("acme", "green")
		t.play(read(quota).as("green").yes(1), read(quota).as("acme>ab").yes(3))
	}),
	movable("move/invalid", "A Move of one subject, of three, of a subject onto itself, or with meters returns ErrInvalid and ErrNotTaken.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		for _, parts := range [][]store.Part{
			{{Subject: "key"}}, {{Subject: "key"}, {Subject: "key"}}, {{Subject: "key"}, {Subject: "a"}, {Subject: "b"}},
			{{Subject: "key"}, {}}, {{Subject: "key"}, store.NewPart("a", 1, t.meters(quota)...)},
		} {
			err := t.c.Take(t.ctx, &store.Charge{Op: store.Move, At: t.at(), Parts: parts})
			if !errors.Is(err, store.ErrInvalid) || !errors.Is(err, store.ErrNotTaken) {
				t.failf("parts %v: error %v, want one that wraps %q and %q", parts, err, store.ErrInvalid, store.ErrNotTaken)
			}
		}
		t.play(take(1, quota).as("key").yes(2))
	}),
	movable("move/long", "A subject stays closed for at least ClosedFor.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		t.moves("key", "acme>key")
		t.later(store.ClosedFor - us)
		for i := range 100 {
			t.play(take(1, daily(0, 3)).as(fmt.Sprint("visitor ", i)).yes(1).resets(0))
		}
		t.isMoved(take(1, quota).as("key"), "key", "acme>key")
	}),
	movable("race/move", "Charges that come during a Move are all counted once, whether or not the caller has heard of it.", unheard),
}

// move closes a subject, and returns the error.
func (t *trial) move(from, to string) error {
	t.steps.Add(1)
	c := &store.Charge{Op: store.Move, At: t.at(), Parts: []store.Part{{Subject: from}, {Subject: to}}}
	t.asked.Store(c)
	return t.c.Take(t.ctx, c)
}

// moves closes a subject. It skips the case if the store cannot move subjects.
func (t *trial) moves(from, to string) {
	err := t.move(from, to)
	if errors.Is(err, errors.ErrUnsupported) && errors.Is(err, store.ErrNotTaken) {
		t.skipf("the store cannot move subjects: %v", err)
	}
	if err != nil {
		t.failf("step %d: move subject %q to %q: error %v, want none", t.steps.Load(), from, to, err)
	}
}

// isMoved makes a charge that must return a MovedError.
func (t *trial) isMoved(s step, subject, to string) {
	t.steps.Add(1)
	c := t.charge(s)
	err := t.c.Take(t.ctx, c)
	var moved *store.MovedError
	if !errors.As(err, &moved) || !errors.Is(err, store.ErrNotTaken) || moved.Subject != subject || moved.To != to {
		t.failf("%s: error %v, want a MovedError from %q to %q that wraps %q", t.where(c), err, subject, to, store.ErrNotTaken)
	}
}

// unheard charges a subject while it moves. One caller in four hears of the move only by
// the MovedError.
func unheard(t *trial) {
	m := daily(0, 300)
	admitted := newTally()
	t.together(func(g, i int) error {
		if g == 0 && i == rounds/3 {
			return t.c.Take(t.ctx, &store.Charge{Op: store.Move, At: t.at(), Parts: []store.Part{{Subject: "key"}, {Subject: "acme>key"}}})
		}
		c := t.charge(take(1, m).as("key"))
		err := t.c.Take(t.ctx, c)
		var moved *store.MovedError
		for tries := 0; err != nil && tries < 1000; tries++ {
			if errors.As(err, &moved) {
				c.Parts[0].Subject = moved.To
			} else if !errors.Is(err, store.ErrNotTaken) {
				break
			}
			err = t.c.Take(t.ctx, c)
		}
		if err == nil && c.OK {
			admitted.add("key")
		}
		return err
	})
	if n := admitted.of("key"); n != m.Max {
		t.failf("%d charges were admitted, want %d", n, m.Max)
	}
	t.play(read(m).as("acme>key").yes(m.Max))
}
