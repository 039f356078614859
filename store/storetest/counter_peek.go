package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

var peekPromises = []promise{{
	name: "peek/as-take",
	says: "Peek answers as Take with every N zero does, for any number of subjects and meters.",
	test: asTake,
}, {
	name: "peek/changes-nothing",
	says: "Peek changes nothing: it creates no subject, starts and ends no window, and stores no refill.",
	test: func(t *trial) {
		t.play(take(2, rate, daily(0, 3)).yes(2, 2))
		on := t.meters(bucket("rate", 1, perDay), bucket("rate", 50, sevenths), daily(1, 3), daily(9, 3), daily(0, 9))
		levels := make([]store.Level, 2*len(on))
		for range 3 {
			if err := store.Peek(t.ctx, t.c, t.at(), []string{"somebody", "nobody"}, on, levels, nil); err != nil {
				t.failf("%s returned the error %q, want none", t.byPeek(), err)
			}
		}
		t.play(
			read(rate, daily(0, 3), daily(1, 3)).yes(2, 2, 0),
			take(1, daily(0, 3)).yes(3),
			take(2, rate, daily(0, 3)).as("nobody").yes(2, 2),
		)
	},
}, {
	name: "peek/nothing",
	says: "Peek of no subjects, or of no meters, reads nothing and returns no error.",
	test: func(t *trial) {
		mark := []store.Level{{Max: 11}}
		for _, subjects := range [][]string{nil, {"a", "b"}} {
			on := t.meters(rate)
			if subjects != nil {
				on = nil
			}
			if err := store.Peek(t.ctx, t.c, t.at(), subjects, on, mark, nil); err != nil || mark[0] != (store.Level{Max: 11}) {
				t.failf("Peek of %d subjects and %d meters: error %v, levels %+v", len(subjects), len(on), err, mark)
			}
		}
	},
}, {
	name: "peek/invalid",
	says: "Peek of input that breaks a rule returns ErrInvalid and ErrNotTaken, as Take does.",
	test: func(t *trial) {
		for _, f := range faults {
			c := t.charge(read(rate, quota))
			f.spoil(c)
			if len(c.Parts[0].Meters) > store.MaxMeters {
				continue // Peek may have any number
			}
			err := store.Peek(t.ctx, t.c, t.at(), []string{"somebody", c.Parts[0].Subject}, c.Parts[0].Meters, make([]store.Level, 2*len(c.Parts[0].Meters)), nil)
			if !errors.Is(err, store.ErrInvalid) || !errors.Is(err, store.ErrNotTaken) {
				t.failf("a charge must have %s; Peek: error %v, want one that wraps %q and %q", f.rule, err, store.ErrInvalid, store.ErrNotTaken)
			}
		}
	},
}}

// asTake compares Peek with Take for subjects with much, little and no state, and for
// more meters than a charge has.
func asTake(t *trial) {
	var on []store.Meter
	for i := range int64(12) {
		on = append(on, daily(i, 10), use(i))
	}
	on = append(on, bucket("rate", 10, perDay), bucket("fixed", 10, store.Rate{}), bucket("slow", 10, perHour), month)
	subjects := []string{"nobody"}
	for i := range int64(5) {
		who := fmt.Sprint("subject ", i)
		subjects = append(subjects, who)
		for j, m := range on {
			t.play(take((i+int64(j))%4, m).as(who).yes((i + int64(j)) % 4))
		}
	}
	t.play(set(30, on[0], on[24]).as("subject 3").yes(3, 0).outof(33, 10))
	t.later(36*time.Hour + us)

	meters := t.meters(on...)
	levels := make([]store.Level, len(subjects)*len(meters)+1)
	if err := store.Peek(t.ctx, t.c, t.at(), subjects, meters, levels, nil); err != nil {
		t.failf("%s returned the error %q, want none", t.byPeek(), err)
	}
	for i, who := range subjects {
		for j := range meters {
			c := t.take(&store.Charge{At: t.at(), Parts: []store.Part{store.NewPart(who, 0, meters[j:j+1]...)}})
			if got := levels[i*len(meters)+j]; !same(&meters[j], got, c.Parts[0].Levels[0], t.Slack) {
				t.failf("Peek of %s; subject %q: %s, as Take returns", describe(&meters[j], t.at()), who, t.fields(&meters[j], got, c.Parts[0].Levels[0]))
			}
		}
	}
	if last := levels[len(levels)-1]; last != (store.Level{}) {
		t.failf("Peek wrote past its levels: %+v", last)
	}
}
