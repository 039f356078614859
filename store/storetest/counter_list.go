package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ration-go/ration/store"
)

var listPromises = []promise{{
	name: "list/as-take",
	says: "In any history, TakeList answers and charges as Take does, in whichever two parts it gets the instant. " +
		"If it does not decide, it has changed nothing.",
	test: func(t *trial) {
		t.c = newListed(t.c)
		for seed := range uint64(4) {
			h := newPlay(t, 300+seed)
			h.listed = true
			h.run(600)
		}
	},
}, {
	name: "list/figures",
	says: "TakeList charges by the figures of the list that it gets, and not by those of another list of the same names.",
	test: func(t *trial) {
		t.c = newListed(t.c)
		wide, narrow := bucket("rate", 5, perDay), bucket("rate", 2, perDay)
		t.play(
			take(1, wide, daily(0, 9)).yes(1, 1), take(1, wide, daily(0, 9)).yes(2, 2), take(1, wide, daily(0, 9)).yes(3, 3),
			take(1, wide, daily(0, 3)).no(3, 3),
			take(1, wide, daily(0, 9)).yes(4, 4),
			take(1, narrow, daily(0, 9)).yes(2, 5), take(1, narrow, daily(0, 9)).no(2, 5),
		)
	},
}, {
	name: "list/place",
	says: "The place that TakeList gets is a hint. The place of another subject, or any other number, changes no answer.",
	test: func(t *trial) {
		t.c = newMisplaced(newListed(t.c))
		for i := range int64(300) {
			used := 1 + i/3
			t.play(take(1, bucket("rate", 100, store.Rate{}), use(0)).as(fmt.Sprint("subject ", i%3)).yes(used, used))
		}
	},
}, {
	name: "list/ctx",
	says: "TakeList does not decide if ctx is done.",
	test: func(t *trial) {
		fast, ok := t.c.(store.ListTaker)
		if !ok {
			return
		}
		c := t.take(t.charge(take(1, rate, quota)))
		list := store.NewMeterList(c.Parts[0].Meters)
		gone, cancel := context.WithCancel(t.ctx)
		cancel()
		if _, _, decided := fast.TakeList(gone, "somebody", c.Parts[0].Place, list, t.at(), 0, []int64{1, 1}); decided {
			t.failf("TakeList decided though ctx is done")
		}
		t.play(read(rate, quota).yes(1, 1))
	},
}}

// listed is a counter that charges by TakeList what it can. The same meters are always in
// the same list, so a counter has occasion to recognize it.
type listed struct {
	store.Counter
	lists  map[string]*store.MeterList
	places map[string]uint64
	rnd    *rand.Rand
}

func newListed(c store.Counter) *listed {
	return &listed{c, map[string]*store.MeterList{}, map[string]uint64{}, rand.New(rand.NewPCG(3, 4))}
}

func (l *listed) Take(ctx context.Context, c *store.Charge) error {
	p := &c.Parts[0]
	if l.takeList(ctx, c) {
		return nil
	}
	err := l.Counter.Take(ctx, c)
	l.places[p.Subject] = p.Place
	return err
}

// takeList charges c by TakeList, and reports whether that decided.
func (l *listed) takeList(ctx context.Context, c *store.Charge) (decided bool) {
	fast, ok := l.Counter.(store.ListTaker)
	p := &c.Parts[0]
	if !ok || c.Op != store.Spend || len(c.Parts) > 1 || c.At.IsZero() || p.Last != nil || len(p.N) != len(p.Meters) {
		return false
	}
	list := l.list(p.Meters)
	if list == nil {
		return false
	}
	place := l.places[p.Subject]
	if p.Place != 0 {
		place = p.Place // the caller has a hint of its own
	}
	since := time.Duration(l.rnd.IntN(3)) * time.Duration(l.rnd.IntN(2_000_000_000))
	s, ok, decided := fast.TakeList(ctx, p.Subject, place, list, c.At.Add(-since), since, p.N)
	if decided {
		c.OK = ok
		for i, n := range p.N {
			if ok {
				n = 0
			}
			p.Levels[i] = s.Level(list, i, n)
		}
	}
	return decided
}

func (l *listed) list(meters []store.Meter) *store.MeterList {
	key := fmt.Sprint(meters)
	if _, ok := l.lists[key]; !ok {
		l.lists[key] = store.NewMeterList(meters)
	}
	return l.lists[key]
}
