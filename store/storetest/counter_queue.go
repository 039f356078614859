package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

var queuePromises = []promise{{
	name: "queue/leaves",
	says: "If ctx ends while a charge waits for others, the charge is made or not. With ErrNotTaken it was not made, and " +
		"the error wraps ctx.Err(). Nobody else's charge is undone.",
	test: leaves,
}, {
	name: "queue/stays",
	says: "If the ctx of a caller ends, the calls of others go on. Each gets its own answer.",
	test: stays,
}, {
	name: "queue/gone",
	says: "Once Take has returned because ctx ended while the charge waited for others, the store does not write to the " +
		"Charge.",
	test: func(t *trial) {
		call := t.callTime()
		var charges [goroutines][few]store.Charge
		t.crowd(few, func(g, i int) error {
			ctx, cancel := context.WithTimeout(t.ctx, brief(call, g+i))
			defer cancel()
			c := &charges[g][i]
			*c = *t.charge(take(1, hundreds...))
			_ = t.c.Take(ctx, c) // it may fail
			mark(c)
			return nil
		})
		t.settle()
		for g := range charges {
			for i := range charges[g] {
				if c := &charges[g][i]; !isMarked(c) {
					t.failf("caller %d, charge %d: the charge became %+v after the return", g, i+1, *c)
				}
			}
		}
	},
}}

// few is how often each of the goroutines calls in a case that needs no long crowd.
const few = 12

// callTime returns how long a call takes at present.
func (t *trial) callTime() time.Duration {
	began := time.Now()
	t.play(read(rate, quota).yes(0, 0))
	return time.Since(began)
}

// brief returns a timeout that may end while a call is under way. In a bubble it ends as
// soon as all callers wait.
func brief(call time.Duration, i int) time.Duration { return time.Duration(i%8)*call/2 + 1 }

// leaves lets most callers leave early, and counts the charges that were made and those
// that may have been.
func leaves(t *trial) {
	on := []store.Meter{bucket("rate", 1000, perDay), daily(0, 1000)}
	call := t.callTime()
	var made, maybe [goroutines]int64
	t.crowd(few, func(g, i int) error {
		timeout := brief(call, g+i)
		if (g+i)%3 == 0 {
			timeout = time.Hour
		}
		ctx, cancel := context.WithTimeout(t.ctx, timeout)
		defer cancel()
		c := t.charge(take(1, on...))
		switch err := t.c.Take(ctx, c); {
		case err == nil && !c.OK:
			return fmt.Errorf("%s: refused with %+v", t.where(c), c.Parts[0].Levels[:2])
		case err == nil:
			made[g]++
		case !errors.Is(err, store.ErrNotTaken):
			maybe[g]++
		case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
			return fmt.Errorf("%s: error %v, want one that wraps %q too", t.where(c), err, ctx.Err())
		}
		return nil
	})
	t.settle()
	least, most := sum(made[:]), sum(made[:])+sum(maybe[:])
	now := t.take(t.charge(read(on...)))
	if used := now.Parts[0].Levels[0].Used; used != now.Parts[0].Levels[1].Used || used < least || used > most {
		t.failf("%d charges were made and %d more may have been: levels %+v", least, most-least, now.Parts[0].Levels[:2])
	}
}

// stays lets every second call end early. The others have a meter that only they charge.
func stays(t *trial) {
	own, shared := bucket("own", 500, perDay), daily(0, 1000)
	call := t.callTime()
	t.crowd(few, func(g, i int) error {
		if (g+i)%2 == 1 {
			ctx, cancel := context.WithTimeout(t.ctx, brief(call, g+i))
			defer cancel()
			_ = t.c.Take(ctx, t.charge(take(1, shared))) // it may fail
			return nil
		}
		ctx, cancel := t.patient()
		defer cancel()
		c := t.charge(take(1, own, shared))
		if err := t.c.Take(ctx, c); err != nil || !c.OK || c.Parts[0].Levels[0].Max != own.Max || c.Parts[0].Levels[1].Max != shared.Max {
			return fmt.Errorf("%s, by a caller that stays: OK %t, %+v, error %v", t.where(c), c.OK, c.Parts[0].Levels[:2], err)
		}
		return nil
	})
	t.play(read(own).yes(goroutines * few / 2))
}

func sum(all []int64) (total int64) {
	for _, n := range all {
		total += n
	}
	return total
}
