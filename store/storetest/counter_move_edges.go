package storetest

import (
	"context"
	"errors"

	"github.com/ration-go/ration/store"
)

var moveEdgePromises = []promise{
	movable("move/ok", "OK is true after a Move, and after one that is repeated.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		for _, which := range []string{"first", "repeated"} {
			c := moveOf(t, "key", "acme>key")
			if err := t.c.Take(t.ctx, c); err != nil || !c.OK {
				t.failf("the %s Move: OK is %t, error %v; want true and none", which, c.OK, err)
			}
		}
	}),
	movable("move/cancelled", "If ctx is done, a Move closes and moves nothing, and the error wraps both ctx.Err() and ErrNotTaken.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		ctx, cancel := context.WithCancel(t.ctx)
		cancel()
		err := t.c.Take(ctx, moveOf(t, "key", "acme>key"))
		if !errors.Is(err, ctx.Err()) || !errors.Is(err, store.ErrNotTaken) {
			t.failf("the error is %v, want one that wraps %q and %q", err, ctx.Err(), store.ErrNotTaken)
		}
		t.play(take(1, quota).as("key").yes(2), read(quota).as("acme>key").yes(0))
	}),
	movable("move/first-closed", "If several subjects of a charge are closed, the MovedError names the first of them.", func(t *trial) {
		t.moves("acme>a", "acme>c")
		t.moves("acme>b", "acme>d")
		open := func() step { return take(1, quota).as("acme") }
		a, b := take(1, quota).as("acme>a"), take(1, quota).as("acme>b")
		t.isMoved(a.and(b), "acme>a", "acme>c")
		t.isMoved(b.and(a), "acme>b", "acme>d")
		t.isMoved(open().and(b).and(a), "acme>b", "acme>d")
	}),
	movable("move/onto-untouched", "Reads and refusals create no subject, so another subject can be moved to that name.", func(t *trial) {
		t.play(
			take(1, quota).as("acme>key").yes(1),
			read(quota, rate).as("acme>read").yes(0, 0),
			take(3, quota).as("acme>refused").yes(3), take(1, quota).as("acme>refused").no(3).and(take(1, quota).as("acme>part").no(0)),
			take(1, quota).as("acme>other").yes(1).and(read(quota, rate).as("acme>beside").yes(0, 0)),
		)
		last := "acme>key"
		for _, to := range []string{"acme>read", "acme>part", "acme>beside"} {
			t.moves(last, to)
			t.play(read(quota).as(to).yes(1))
			last = to
		}
	}),
	movable("move/nothing-onto-used", "A Move onto a subject that has state returns ErrInvalid, also if the first subject has none.", func(t *trial) {
		t.play(take(2, quota).as("acme>key").yes(2))
		err := t.move("key", "acme>key")
		if !errors.Is(err, store.ErrInvalid) || !errors.Is(err, store.ErrNotTaken) {
			t.failf("the error is %v, want one that wraps %q and %q", err, store.ErrInvalid, store.ErrNotTaken)
		}
		t.play(take(1, quota).as("key").yes(1), take(1, quota).as("acme>key").yes(3))
	}),
	movable("move/nothing-back", "A Move opens its second subject, even if the first has no state to give it.", func(t *trial) {
		t.moves("key", "acme>key")
		t.moves("acme>key", "key")
		t.play(take(1, quota).as("key").yes(1))
		t.isMoved(take(1, quota).as("acme>key"), "acme>key", "key")
	}),
	movable("move/ahead", "A caller whose clock is far ahead does not open a closed subject.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		t.moves("key", "acme>key")
		t.play(askew(2 * store.ClosedFor))
		t.isMoved(take(1, quota).as("key"), "key", "acme>key")
		t.play(askew(0))
		t.isMoved(take(1, quota).as("key"), "key", "acme>key")
	}),
}

// moveOf returns a Move of a subject.
func moveOf(t *trial, from, to string) *store.Charge {
	return &store.Charge{Op: store.Move, At: t.at(), Parts: []store.Part{{Subject: from}, {Subject: to}}}
}
