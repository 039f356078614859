package storetest

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

var peerPromises = []promise{{
	name:  "peer/charges",
	says:  "Two counters over one storage are one: each decides by what the other has admitted, at once and in both directions.",
	needs: peers,
	story: []step{
		take(1, rate, quota, calls).yes(1, 1, 1),
		take(1, rate, quota, calls).there().yes(2, 2, 2),
		take(1, rate, quota, calls).no(2, 2, 2),
		take(1, rate, quota, calls).there().no(2, 2, 2),
		take(1, quota, calls).yes(3, 3),
		take(1, quota, calls).there().no(3, 3),
		take(3, quota).there().as("other").yes(3),
		take(1, quota).as("other").no(3),
	},
}, {
	name:  "peer/reads",
	says:  "A read by one counter sees every charge that returned from the other one before, with Take as with Peek.",
	needs: peers,
	test:  peerReads,
}, {
	name:  "peer/refund",
	says:  "What one counter gives back can be taken by the other one at once, even if that has just refused.",
	needs: peers,
	story: []step{
		take(2, rate, quota).yes(2, 2),
		take(2, rate, quota).no(2, 2),
		take(1, quota).yes(3),
		take(1, quota).no(3),
		give(1, quota).there().yes(2),
		take(1, quota).yes(3),
		give(1, quota).yes(2),
		give(2, rate, quota).there().yes(0, 0),
		take(2, rate, quota).yes(2, 2),
		take(2, rate, quota).there().no(2, 2),
		give(1, rate, quota).yes(1, 1),
		take(1, rate, quota).there().yes(2, 2),
	},
}, {
	name:  "peer/extension",
	says:  "What one counter sets with SetRemaining counts for the other one at once.",
	needs: peers,
	story: []step{
		take(3, quota).yes(3),
		take(3, quota).as("other").there().yes(3),
		set(2, quota).there().yes(3).outof(5),
		take(1, quota).yes(4).outof(5),
		set(0, quota).there().yes(4).outof(4),
		take(1, quota).no(4).outof(4),
		set(1, quota).as("other").yes(3).outof(4),
		take(1, quota).as("other").there().yes(4).outof(4),
	},
}, {
	name:  "peer/windows",
	says:  "A window that one counter begins does not end the older one that the other counter charges and refunds.",
	needs: peers,
	story: []step{
		take(3, daily(0, 3)).yes(3),
		later(day),
		take(2, daily(1, 3)).there().yes(2),
		give(1, daily(0, 3)).yes(2),
		take(1, daily(1, 3)).yes(3),
		take(2, daily(0, 3)).there().no(2),
		take(1, daily(1, 3)).there().no(3),
	},
}, {
	name:  "race/peers",
	says:  "When callers of two counters over one storage charge one subject at once, exactly the smallest limit is admitted.",
	needs: peers,
	test: func(t *trial) {
		const limit = goroutines*rounds - 300
		on := []store.Meter{bucket("rate", limit+9, perDay), daily(0, limit), use(0)}
		var admitted [goroutines]int64
		t.together(func(g, i int) error {
			c, counter := t.charge(take(1, on...)), t.c
			if g%2 == 0 {
				counter = t.peer
			}
			err := counter.Take(t.ctx, c)
			if c.OK {
				admitted[g]++
			}
			return err
		})
		sum := int64(0)
		for _, n := range admitted {
			sum += n
		}
		if sum != limit {
			t.failf("%d units were admitted, want %d", sum, limit)
		}
		t.play(take(1, on...).no(limit, limit, limit), take(1, on...).there().no(limit, limit, limit))
	},
}}

func peerReads(t *trial) {
	for i := range int64(5) {
		who := fmt.Sprint("subject ", i%2)
		used := i/2*2 + 2
		t.play(
			read(quota, calls).as(who).there().yes(0, used-2),
			each(0, 1).of(quota, calls).as(who).yes(0, used-1),
			read(quota, calls).as(who).there().yes(0, used-1),
			each(0, 1).of(quota, calls).as(who).yes(0, used),
		)
		levels := make([]store.Level, 1)
		if err := store.Peek(t.ctx, t.peer, t.at(), []string{who}, t.meters(calls), levels, nil); err != nil {
			t.failf("%s returned the error %q, want none", t.byPeek(), err)
		}
		if levels[0].Used != used {
			t.failf("Peek at the second counter of %s; subject %q: Used is %d, want %d", describe(&calls, time.Time{}), who, levels[0].Used, used)
		}
	}
}
