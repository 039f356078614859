package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/ration-go/ration/store"
)

var onePromises = []promise{{
	name: "one/as-take",
	says: "In any history, TakeOne answers and charges as Take of that one meter does.",
	test: func(t *trial) {
		t.c = singly{t.c}
		for seed := range uint64(2) {
			h := newPlay(t, 100+seed)
			h.single = true
			h.run(600)
		}
	},
}, {
	name: "one/among-others",
	says: "TakeOne charges the same bucket as a charge of several meters does, and changes none of the other meters.",
	test: func(t *trial) {
		t.c = singly{t.c}
		t.play(
			take(1, quota, rate).yes(1, 1),
			take(1, rate).yes(2), give(1, rate).yes(1), take(1, quota).yes(2), read(rate).yes(1),
			read(quota, rate).yes(2, 1),
		)
	},
}, {
	name: "one/call",
	says: "TakeOne refuses a ctx that is done and input that breaks a rule, with the same errors as Take. Nothing " +
		"changes then.",
	test: oneCall,
}}

func oneCall(t *trial) {
	t.play(take(1, rate, quota).yes(1, 1))
	gone, cancel := context.WithCancel(t.ctx)
	cancel()
	for _, m := range t.meters(rate, quota) {
		for _, n := range []int64{1, 0, -1} {
			_, _, err := store.One(t.c).TakeOne(gone, "somebody", &m, t.at(), n)
			if !errors.Is(err, gone.Err()) || !errors.Is(err, store.ErrNotTaken) {
				t.failf("%s of %d of %q, ctx is done: error %v, want one that wraps %q and %q", t.byOne(), n, m.Name, err, gone.Err(), store.ErrNotTaken)
			}
		}
	}
	for _, f := range faults {
		for i, on := range []store.Meter{rate, quota} {
			c := t.charge(take(1, rate, quota))
			f.spoil(c)
			if len(c.Parts[0].Meters) != 2 || c.Parts[0].Subject == "somebody" && slices.Equal(c.Parts[0].Meters[i:i+1], t.meters(on)) {
				continue // only the other meter is invalid
			}
			_, _, err := store.One(t.c).TakeOne(t.ctx, c.Parts[0].Subject, &c.Parts[0].Meters[i], c.At, 1)
			if !errors.Is(err, store.ErrInvalid) || !errors.Is(err, store.ErrNotTaken) {
				t.failf("a charge must have %s; %s: error %v, want one that wraps %q and %q", f.rule, t.byOne(), err, store.ErrInvalid, store.ErrNotTaken)
			}
		}
	}
	t.play(read(rate, quota).yes(1, 1))
}

// singly is a counter that charges single meters with TakeOne.
type singly struct{ store.Counter }

func (s singly) Take(ctx context.Context, c *store.Charge) (err error) {
	if len(c.Parts) != 1 || len(c.Parts[0].Meters) != 1 || c.Parts[0].Last != nil || c.Op != store.Spend {
		return s.Counter.Take(ctx, c)
	}
	c.Parts[0].Levels[0], c.OK, err = store.One(s.Counter).TakeOne(ctx, c.Parts[0].Subject, &c.Parts[0].Meters[0], c.At, c.Parts[0].N[0])
	return err
}

// byOne names the method that store.One calls, and byPeek the one that store.Peek calls.
func (t *trial) byOne() string {
	if _, ok := t.c.(store.OneTaker); ok {
		return "TakeOne"
	}
	return "Take, through store.One,"
}

func (t *trial) byPeek() string {
	if _, ok := t.c.(store.Peeker); ok {
		return "Peek"
	}
	return "Take, through store.Peek,"
}
