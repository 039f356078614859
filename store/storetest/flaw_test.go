package storetest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ration-go/ration/store"
)

// flaw is a counter that breaks a promise. Exactly one of take, peek, one, counter and
// open is set.
type flaw struct {
	name string

	// caught lists the cases that catch the flaw. TestFlawsExactly checks that no other case
	// does, except those of a broad flaw and those of chance.
	caught []string

	take    func(f *flawed, c *store.Charge)
	peek    func(m *model, ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error
	one     func(m *model, c *store.Charge)
	counter func() store.Counter
	open    func() Harness // for a flaw of the storage
}

// flawed is the model with a flaw before, after or instead of its own Take.
type flawed struct {
	*model
	flaw func(f *flawed, c *store.Charge)

	// State of the flaws.
	newest map[string]int64
	seen   map[string]time.Time
	last   *store.Charge
	alias  map[string]string
	places []string

	before  map[key]store.State
	refused []*store.Charge
	kept    map[key]time.Time
}

func newFlawed(flaw func(f *flawed, c *store.Charge)) *flawed {
	return &flawed{
		model: newModel(), flaw: flaw, newest: map[string]int64{}, seen: map[string]time.Time{}, alias: map[string]string{},
		kept: map[key]time.Time{},
	}
}

func (f *flawed) Take(ctx context.Context, c *store.Charge) error {
	if done, err := f.prepare(ctx, c); done {
		return err
	}
	f.flaw(f, c)
	return nil
}

// as makes a changed copy of c and takes over its answer.
func (f *flawed) as(c *store.Charge, change func(o *store.Charge)) {
	o := clone(c)
	o.Parts[0].Meters = slices.Clone(c.Parts[0].Meters)
	change(o)
	f.model.take(o)
	copyAnswer(c, o)
}

// meterwise changes each meter of the charge and its N.
func (f *flawed) meterwise(c *store.Charge, change func(m *store.Meter, n *int64)) {
	f.as(c, func(o *store.Charge) {
		for i := range o.Parts[0].Meters {
			change(&o.Parts[0].Meters[i], &o.Parts[0].N[i])
		}
	})
}

// after changes each level that the model returns.
func (f *flawed) after(c *store.Charge, change func(i int, m *store.Meter, l *store.Level)) {
	f.model.take(c)
	for i := range c.Parts[0].Meters {
		change(i, &c.Parts[0].Meters[i], &c.Parts[0].Levels[i])
	}
}

// make returns a fresh counter with the flaw.
func (f *flaw) make() store.Counter {
	switch {
	case f.counter != nil:
		return f.counter()
	case f.peek != nil:
		return peeking{newModel(), f.peek}
	case f.one != nil:
		return taking{newModel(), f.one}
	default:
		return newFlawed(f.take)
	}
}

// TestFlaws runs the suite on flawed counters. Every flaw must be caught, and every case
// must catch one. With -v it prints the table of flaws.
func TestFlaws(t *testing.T) {
	cases := map[string]promise{}
	for _, p := range promises() {
		cases[p.name] = p
	}
	idle := maps.Clone(cases)
	var rows table
	for _, f := range flaws() {
		t.Run(f.name, func(t *testing.T) {
			h := f.harness()
			for _, name := range f.caught {
				p, ok := cases[name]
				if !ok {
					t.Fatalf("no such case: %s", name)
				}
				delete(idle, name)
				var err error
				for try := 0; try < 10 && err == nil; try++ { // a race may not show the flaw at once
					h.bubble(t, func(t *testing.T) { err = h.try(t, p) })
				}
				if err == nil {
					t.Errorf("not caught by %s: %s", name, p.says)
				}
				t.Logf("%s: %v", name, err)
			}
			rows.add(f.name, cases[f.caught[0]].says, f.caught)
		})
	}
	for name := range idle {
		t.Errorf("no flaw is caught by %s", name)
	}
	t.Log(rows.String())
}

// flaws returns all flawed counters.
func flaws() []flaw {
	return slices.Concat(
		windowFlaws, bucketFlaws, chargeFlaws, setFlaws, subjectFlaws, callFlaws, oneFlaws, listFlaws,
		extremeFlaws, aheadFlaws, stateFlaws, staleFlaws, ctxFlaws, queueFlaws, overlapFlaws, setRaceFlaws,
		reopenFlaws, peerFlaws, fullFlaws, partFlaws, familyFlaws, partInvalidFlaws, partNewFlaws,
		softFlaws, lastFlaws, moveFlaws, moveEdgeFlaws, movedStateFlaws, closedFlaws, partRaceFlaws, partFullFlaws,
		partDurableFlaws, partPeerFlaws, dumpFlaws,
	)
}

// harness returns a harness of counters with the flaw.
func (f *flaw) harness() Harness {
	if f.open != nil {
		return f.open()
	}
	return Harness{New: func(testing.TB) store.Counter { return f.make() }, Bubble: synctest.Test}
}

// after returns the state of m after a charge of n, or after one that leaves n.
func after(s store.State, m *store.Meter, at time.Time, now, n int64, set bool) (_ store.State, l store.Level, ok bool) {
	if set {
		s, l = s.Set(m, at.UnixMicro(), now, n)
		return s, l, true
	}
	return s.Take(m, at.UnixMicro(), now, n)
}

// isZero reports whether a charge of n only reads.
func isZero(n []int64) bool { return !slices.ContainsFunc(n, func(n int64) bool { return n != 0 }) }

// lastFrom returns the elements of last from the i-th on, or nil if there are none to
// fill in.
func lastFrom(last []int64, i int) []int64 {
	if last == nil {
		return nil
	}
	return last[i:]
}
