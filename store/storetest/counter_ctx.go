package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/ration-go/ration/store"
)

var ctxPromises = []promise{{
	name: "ctx/under-way",
	says: "If ctx ends while a charge is under way, the charge is made once and as a whole, or not at all. Without an " +
		"error it was made. With ErrNotTaken it was not.",
	test: func(t *trial) {
		t.underWay(
			take(3, hundreds...).yes(8, 8, 8), read(hundreds...).yes(8, 8, 8),
			give(2, hundreds...).yes(3, 3, 3), read(hundreds...).yes(3, 3, 3),
			take(96, hundreds...).no(5, 5, 5), read(hundreds...).yes(5, 5, 5),
			set(40, hundreds...).yes(60, 5, 5).outof(100, 45, store.Unlimited),
			read(hundreds...).yes(60, 5, 5).outof(100, 45, store.Unlimited),
		)
	},
}, {
	name: "ctx/one",
	says: "If ctx ends while TakeOne is under way, the charge is made once or not at all. Without an error it was made. " +
		"With ErrNotTaken it was not.",
	test: func(t *trial) {
		t.c = singly{t.c}
		for _, m := range hundreds {
			t.underWay(take(3, m).yes(8), read(m).yes(8), give(2, m).yes(3), read(m).yes(3))
		}
	},
}, {
	name: "ctx/gone",
	says: "Once Take has returned because ctx ended, the store uses neither the Charge nor its meters nor the bytes of " +
		"its subject.",
	test: gone,
}, {
	name: "ctx/peek",
	says: "If ctx ends while Peek is under way, Peek fills in every level or returns an error. Once it has returned, " +
		"it writes to no level.",
	test: peekUnderWay,
}, {
	name: "ctx/first",
	says: "A ctx that is done fails its own call only, even if that is the first call of a store.",
	test: func(t *trial) {
		done, cancel := context.WithCancel(t.ctx)
		cancel()
		for what, err := range t.calls(done) {
			t.endedBy(done, what, err)
		}
		t.play(take(1, rate, quota).yes(1, 1))
		for what, err := range t.calls(t.ctx) {
			if err != nil {
				t.failf("%s returned the error %q, want none", what, err)
			}
		}
	},
}, {
	name: "ctx/cause",
	says: "If ctx is done, the error wraps ctx.Err(), whatever the cause of ctx is.",
	test: func(t *trial) {
		t.play(read(rate, quota).yes(0, 0))
		cause := errors.New("the client has left")
		cancelled, cancel := context.WithCancelCause(t.ctx)
		cancel(cause)
		late, stop := context.WithDeadlineCause(t.ctx, time.Now().Add(-time.Second), cause)
		defer stop()
		for _, ctx := range []context.Context{cancelled, late} {
			for what, err := range t.calls(ctx) {
				t.endedBy(ctx, what, err)
			}
		}
	},
}, {
	name: "ctx/deadline",
	says: "A ctx that is not done stops no charge, however near or far its deadline is.",
	test: func(t *trial) {
		for i, in := range []time.Duration{900 * time.Millisecond, time.Minute, 30 * day, 100 * 365 * day, store.Never} {
			ctx, cancel := context.WithTimeout(t.ctx, in)
			c := t.charge(take(1, use(0)))
			err := t.c.Take(ctx, c)
			if expired := ctx.Err() != nil; !expired && (err != nil || !c.OK || c.Parts[0].Levels[0].Used != int64(i)+1) {
				t.failf("%s, deadline in %v: OK %t, %+v, error %v, want a Used of %d", t.where(c), in, c.OK, c.Parts[0].Levels[0], err, i+1)
			}
			cancel()
		}
	},
}, {
	name: "ctx/many",
	says: "However many callers have left because their ctx ended, they keep no later caller out.",
	test: func(t *trial) {
		t.play(read(rate, quota).yes(0, 0))
		for i := range 80 {
			ctx := t.endsAt(1 + i%4)
			_ = t.c.Take(ctx, t.charge(take(1, rate, quota).as("departed"))) // it may fail
			ctx.end()
		}
		ctx, cancel := t.patient()
		defer cancel()
		c := t.charge(take(1, rate, quota))
		if err := t.c.Take(ctx, c); err != nil || !c.OK {
			t.failf("%s, after 80 callers left: OK %t, error %v", t.where(c), c.OK, err)
		}
	},
}}

// hundreds are meters with room for many charges.
var hundreds = []store.Meter{bucket("rate", 100, perDay), daily(0, 100), use(0)}

// patient returns a ctx for a call that waits for others.
func (t *trial) patient() (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.ctx, patience)
}

// settle lets the calls end whose callers have left. Its reads let a race detector see
// that what these calls do comes after what the case has done, and before what it does
// next.
func (t *trial) settle() {
	t.play(read(rate).as("idle").yes(0))
	t.pause(time.Millisecond)
	t.play(read(rate).as("idle").yes(0))
}

// calls makes a call of each kind that changes nothing but the meter "calls".
func (t *trial) calls(ctx context.Context) map[string]error {
	calls := bucket("calls", 100, perDay)
	_, _, one := store.One(t.c).TakeOne(ctx, "caller", &calls, t.at(), 1)
	return map[string]error{
		"Take":     t.c.Take(ctx, t.charge(take(1, calls).as("caller"))),
		t.byOne():  one,
		t.byPeek(): store.Peek(ctx, t.c, t.at(), []string{"caller", "other"}, []store.Meter{calls}, make([]store.Level, 2), nil),
	}
}

// endedBy checks the error of a call whose ctx was done.
func (t *trial) endedBy(ctx context.Context, what string, err error) {
	if !errors.Is(err, ctx.Err()) || !errors.Is(err, store.ErrNotTaken) {
		t.failf("%s returned the error %q, want one that wraps %q and %q", what, fmt.Sprint(err), ctx.Err(), store.ErrNotTaken)
	}
}

// underWay makes charges whose ctx ends at each look that the store takes at it. It gets
// pairs of a charge and a read of what the charge leaves. Before, 5 units are used.
func (t *trial) underWay(pairs ...step) {
	for i := 0; i < len(pairs); i += 2 {
		for looks := 1; looks <= mostLooks; looks++ {
			ctx := t.endsAt(looks)
			t.endsDuring(ctx, pairs[i], pairs[i+1])
			if !ctx.end() {
				break // the store looks no more often
			}
		}
	}
}

func (t *trial) endsDuring(ctx *glimpse, charge, after step) {
	what := "take"
	if charge.set {
		what = "set"
	}
	who := fmt.Sprintf("%s %d of %d, ctx ends at look %d", what, charge.n[0], len(charge.on), ctx.looks)
	used := []int64{5, 5, 5}[:len(charge.on)]
	t.play(take(5, charge.on...).as(who).yes(used...))
	c := t.charge(charge.as(who))
	err := t.c.Take(ctx, c)
	t.settle()

	before := read(charge.on...).yes(used...)
	now := t.take(t.charge(before.as(who)))
	unlike, unmade := t.compare(&after, now), t.compare(&before, now)
	switch {
	case err == nil && t.compare(&charge, c) != "":
		t.failf("%s: %s", t.where(c), t.compare(&charge, c))
	case err == nil && unlike != "":
		t.failf("%s, without an error: then %s", t.where(c), unlike)
	case errors.Is(err, store.ErrNotTaken) && unmade != "":
		t.failf("%s, error %v: then %s", t.where(c), err, unmade)
	case errors.Is(err, store.ErrNotTaken) && !errors.Is(err, context.Canceled):
		t.failf("%s: error %v, want one that wraps %q too", t.where(c), err, context.Canceled)
	case unlike != "" && unmade != "":
		t.failf("%s, error %v: then %s, or if it was not made, %s", t.where(c), err, unlike, unmade)
	}
}

// gone overwrites all that a charge points to as soon as Take has returned.
func gone(t *trial) {
	const name, other = "departed", "stranger"
	t.play(read(hundreds...).yes(0, 0, 0))
	for looks := 1; looks <= mostLooks; looks++ {
		buffer := []byte(name)
		c := t.charge(take(1, hundreds...))
		c.Parts[0].Subject = unsafe.String(&buffer[0], len(buffer))
		meters := c.Parts[0].Meters
		ctx := t.endsAt(looks)
		err := t.c.Take(ctx, c)
		ended := ctx.end()
		copy(buffer, other)
		mark(c)
		for i := range meters {
			meters[i] = bucket("strange", 100, perDay)
		}
		t.settle()
		if !isMarked(c) {
			t.failf("take of %s, error %v: the charge became %+v", name, err, *c)
		}
		for _, who := range []string{other, "mark"} {
			t.play(read(append(hundreds[:3:3], bucket("strange", 100, perDay))...).as(who).yes(0, 0, 0, 0))
		}
		t.play(read(bucket("strange", 100, perDay)).as(strings.Clone(name)).yes(0))
		if !ended {
			return
		}
	}
}

// peekUnderWay reads three subjects, with more meters than a charge has.
func peekUnderWay(t *trial) {
	on := append([]store.Meter{}, hundreds...)
	for i := range int64(7) {
		on = append(on, daily(i+1, 100))
	}
	meters, who := t.meters(on...), []string{"a", "b", "c"}
	for i, subject := range who {
		t.play(take(int64(i)+1, hundreds...).as(subject).yes(int64(i)+1, int64(i)+1, int64(i)+1))
	}
	want := make([]store.Level, len(who)*len(meters))
	if err := store.Peek(t.ctx, t.c, t.at(), who, meters, want, nil); err != nil {
		t.failf("%s returned the error %q, want none", t.byPeek(), err)
	}
	for looks := 1; looks <= mostLooks; looks++ {
		got := make([]store.Level, len(want))
		ctx := t.endsAt(looks)
		err := store.Peek(ctx, t.c, t.at(), who, meters, got, nil)
		ended := ctx.end()
		for i := range want {
			if err == nil && (got[i].Max != want[i].Max || got[i].Used != want[i].Used) {
				t.failf("Peek without an error, %q of %q: %+v, want %+v", meters[i%len(meters)].Name, who[i/len(meters)], got[i], want[i])
			}
			got[i] = store.Level{Max: 7}
		}
		t.settle()
		for i := range got {
			if got[i] != (store.Level{Max: 7}) {
				t.failf("Peek, error %v: levels[%d] became %+v after the return", err, i, got[i])
			}
		}
		if !ended {
			return
		}
	}
}

// mark overwrites a charge in place, with all that it points to except for its meters.
func mark(c *store.Charge) {
	c.OK = false
	for i := range c.Parts {
		p := &c.Parts[i]
		p.Subject, p.Place = "mark", 7
		for j := range p.N {
			p.N[j], p.Levels[j] = 7, store.Level{Max: 7, Used: 7}
		}
	}
}

// isMarked reports whether a charge is as mark left it.
func isMarked(c *store.Charge) bool {
	as := clone(c)
	mark(as)
	return reflect.DeepEqual(c, as)
}
