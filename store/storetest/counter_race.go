package storetest

import (
	"fmt"
	"slices"
	"sync"

	"github.com/ration-go/ration/store"
)

var racePromises = []promise{{
	name: "race/one-subject",
	says: "When many callers charge one subject at once, exactly the smallest limit is admitted, and each answer " +
		"shows one instant.",
	test: oneSubject,
}, {
	name: "race/many-subjects",
	says: "When many callers charge many subjects at once, each subject gets exactly its own limit.",
	test: manySubjects,
}, {
	name: "race/give-back",
	says: "Concurrent charges and refunds do not lose each other's changes.",
	test: func(t *trial) {
		on := []store.Meter{bucket("rate", 1000, perDay), daily(0, 1000), use(0)}
		t.play(take(100, on...).yes(100, 100, 100))
		t.together(func(g, i int) error {
			c := t.charge(take(int64(g%4)+1, on...))
			for range 2 {
				if err := t.c.Take(t.ctx, c); err != nil || !c.OK {
					return fmt.Errorf("%s: OK %t, error %v", about(c), c.OK, err)
				}
				c.Parts[0] = store.NewPart(c.Parts[0].Subject, -c.Parts[0].N[0], c.Parts[0].Meters...)
			}
			return nil
		})
		t.play(read(on...).yes(100, 100, 100))
	},
}, {
	name: "race/reuse",
	says: "Each of many callers may reuse its Charge and overwrite its meters while the others charge.",
	test: func(t *trial) {
		t.together(func(g, i int) error {
			c := t.charge(take(1, bucket("rate", 1000, perDay), use(0)).as(fmt.Sprint("subject ", g%4)))
			err := t.c.Take(t.ctx, c)
			clear(c.Parts[0].Meters)
			*c = store.Charge{Parts: []store.Part{store.NewPart("overwritten", 0)}}
			return err
		})
		const each = goroutines * rounds / 4
		for i := range 4 {
			t.play(read(bucket("rate", 1000, perDay), use(0)).as(fmt.Sprint("subject ", i)).yes(each, each))
		}
	},
}}

const (
	goroutines = 16
	rounds     = 60
)

// together runs f in many goroutines, many times in each.
func (t *trial) together(f func(g, i int) error) { t.crowd(rounds, f) }

// crowd runs f in many goroutines, a number of times in each.
func (t *trial) crowd(rounds int, f func(g, i int) error) {
	if t.panicked { // with a lock locked, perhaps, for which the others would wait for ever
		t.skipf("the store panicked in another case")
	}
	var (
		wg    sync.WaitGroup
		wrong [goroutines]error
		start = make(chan struct{})
	)
	for g := range goroutines {
		wg.Go(func() {
			<-start
			for i := 0; i < rounds && wrong[g] == nil; i++ {
				wrong[g] = caught(func() error { return f(g, i) })
			}
		})
	}
	close(start)
	wg.Wait()
	for _, err := range wrong {
		if err != nil {
			panic(failure{err})
		}
	}
}

// oneSubject checks that the Used of the admitted charges counts up without a gap.
func oneSubject(t *trial) {
	const limit = goroutines*rounds - 200
	on := []store.Meter{bucket("rate", limit+9, perDay), daily(0, limit), use(0)}
	var told [goroutines][]int64
	t.together(func(g, i int) error {
		c := t.charge(take(1, on...))
		if err := t.c.Take(t.ctx, c); err != nil {
			return err
		}
		used := c.Parts[0].Levels[1].Used
		if c.Parts[0].Levels[0].Used != used || c.Parts[0].Levels[2].Used != used || !c.OK && used != limit {
			return fmt.Errorf("%s: OK is %t and each Used is %d, %d and %d, want one instant", about(c), c.OK, c.Parts[0].Levels[0].Used, used, c.Parts[0].Levels[2].Used)
		}
		if c.OK {
			told[g] = append(told[g], used)
		}
		return nil
	})
	all := slices.Sorted(slices.Values(slices.Concat(told[:]...)))
	if len(all) != limit {
		t.failf("%d units were admitted, want %d", len(all), limit)
	}
	for i, used := range all {
		if used != int64(i)+1 {
			t.failf("admitted charge %d has a Used of %d", i+1, used)
		}
	}
	t.play(take(1, on...).no(limit, limit, limit))
}

func manySubjects(t *trial) {
	const subjects, limit = 20, 30
	on := []store.Meter{bucket("rate", limit, perDay), daily(0, limit+5), use(0)}
	var admitted [goroutines][subjects]int
	t.together(func(g, i int) error {
		who := i % subjects
		c := t.charge(take(1, on...).as(fmt.Sprint("subject ", who)))
		err := t.c.Take(t.ctx, c)
		if c.OK {
			admitted[g][who]++
		}
		return err
	})
	for who := range subjects {
		sum := 0
		for g := range admitted {
			sum += admitted[g][who]
		}
		if sum != limit {
			t.failf("subject %d: %d units were admitted, want %d", who, sum, limit)
		}
		t.play(read(on...).as(fmt.Sprint("subject ", who)).yes(limit, limit, limit))
	}
}
