package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var callPromises = []promise{{
	name: "call/cancelled",
	says: "If ctx is done, nothing is charged, and the error wraps both ctx.Err() and ErrNotTaken.",
	test: cancelled,
}, {
	name: "call/begun",
	says: "A charge stands, even if ctx is cancelled afterwards.",
	test: func(t *trial) {
		ctx, cancel := context.WithCancel(t.ctx)
		c := t.charge(take(2, rate, quota))
		err := t.c.Take(ctx, c)
		cancel()
		if err != nil || !c.OK {
			t.failf("%s: OK %t, error %v", about(c), c.OK, err)
		}
		t.play(read(rate, quota).yes(2, 2))
	},
}, {
	name: "call/invalid",
	says: "A charge that breaks a rule is refused with ErrInvalid and ErrNotTaken, and nothing changes.",
	test: invalid,
}}

func cancelled(t *trial) {
	t.play(take(1, rate, quota).yes(1, 1))
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	late, cancel := context.WithDeadline(t.ctx, time.Now().Add(-time.Second))
	defer cancel()
	for _, ctx := range []context.Context{ctx, late} {
		for _, s := range []step{take(1, rate, quota), give(1, rate, quota), set(3, rate, quota), read(rate)} {
			c := t.charge(s)
			if err := t.c.Take(ctx, c); !errors.Is(err, ctx.Err()) || !errors.Is(err, store.ErrNotTaken) {
				t.failf("%s: error %v, want one that wraps %q and %q", about(c), err, ctx.Err(), store.ErrNotTaken)
			}
		}
		err := store.Peek(ctx, t.c, t.at(), []string{"somebody"}, t.meters(rate), make([]store.Level, 1), nil)
		if !errors.Is(err, ctx.Err()) || !errors.Is(err, store.ErrNotTaken) {
			t.failf("%s: error %v, want one that wraps %q and %q", t.byPeek(), err, ctx.Err(), store.ErrNotTaken)
		}
	}
	t.play(read(rate, quota).yes(1, 1))
}

// faults break one rule each.
var faults = []struct {
	rule  string
	spoil func(c *store.Charge)
}{
	{"a subject", func(c *store.Charge) { c.Parts[0].Subject = "" }},
	{"a subject of at most 512 bytes", func(c *store.Charge) { c.Parts[0].Subject = strings.Repeat("x", store.MaxSubject+1) }},
	{"at most seventeen meters", func(c *store.Charge) {
		c.Parts[0] = store.NewPart("somebody", 1, append(slices.Clone(seventeen), c.Parts[0].Meters...)...)
	}},
	{"a kind that exists", func(c *store.Charge) { c.Parts[0].Meters[0].Kind, c.Parts[0].Meters[1].Kind = 1, 255 }},
	{"a name", func(c *store.Charge) { c.Parts[0].Meters[1].Name = "" }},
	{"a name of at most 192 bytes", func(c *store.Charge) { c.Parts[0].Meters[1].Name = strings.Repeat("x", store.MaxName+1) }},
	{"no negative max", func(c *store.Charge) { c.Parts[0].Meters[1].Max = -1 }},
	{"a max up to 2^53-1", func(c *store.Charge) { c.Parts[0].Meters[1].Max = store.MaxUnits + 1 }},
	{"an end after the start", func(c *store.Charge) { c.Parts[0].Meters[1].End = c.Parts[0].Meters[1].Start }},
	{"no end before the start", func(c *store.Charge) { c.Parts[0].Meters[1].End = c.Parts[0].Meters[1].Start - 1 }},
	{"an end within 2^53-1", func(c *store.Charge) { c.Parts[0].Meters[1].End = store.MaxUnits + 1 }},
	{"a start within 2^53-1", func(c *store.Charge) { c.Parts[0].Meters[1].Start = -store.MaxUnits - 1 }},
	{"a window without a rate", func(c *store.Charge) { c.Parts[0].Meters[1].Rate = perDay }},
	{"no negative keep", func(c *store.Charge) { c.Parts[0].Meters[1].Keep = -1 }},
	{"no rare bucket that is soft", func(c *store.Charge) { c.Parts[0].Meters[0] = store.Meter{Name: "id", Max: 1, Rare: true, Soft: true} }},
	{"a bucket without a start", func(c *store.Charge) { c.Parts[0].Meters[0].Start = 1 }},
	{"a bucket without a keep", func(c *store.Charge) { c.Parts[0].Meters[0].Keep = 1 }},
	{"a whole rate", func(c *store.Charge) { c.Parts[0].Meters[0].Rate.Per = 0 }},
	{"no negative rate", func(c *store.Charge) { c.Parts[0].Meters[0].Rate.Tokens = -1 }},
	{"an exact rate", func(c *store.Charge) { c.Parts[0].Meters[0].Max = store.MaxUnits/perDay.Per + 1 }},
}

func invalid(t *trial) {
	t.play(take(1, rate, quota).yes(1, 1))
	for _, f := range faults {
		for _, s := range []step{take(1, rate, quota), read(rate, quota), set(3, rate, quota)} {
			c := t.charge(s)
			f.spoil(c)
			if err := t.c.Take(t.ctx, c); !errors.Is(err, store.ErrInvalid) || !errors.Is(err, store.ErrNotTaken) {
				t.failf("a charge must have %s; %s: error %v, want one that wraps %q and %q", f.rule, about(c), err,
					store.ErrInvalid, store.ErrNotTaken)
			}
		}
	}
	t.play(read(rate, quota).yes(1, 1))
}
