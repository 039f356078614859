package memory_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// A ledger is what a Store has to agree with: the states of all subjects in a map, and
// store.Charge.Decide.
type ledger struct {
	states map[string]map[string]store.State // by subject, and by meter
	moved  map[string]string
}

func meterKey(m *store.Meter) string { return fmt.Sprint(m.Name, m.IsWindow(), m.Start) }

// take decides c as a Store does. It returns the closed subject that c charges, or "".
func (l *ledger) take(c *store.Charge, at time.Time) (closed string) {
	var held []store.State
	for i := range c.Parts {
		p := &c.Parts[i]
		if l.moved[p.Subject] != "" {
			return p.Subject
		}
		for j := range p.Meters {
			held = append(held, l.states[p.Subject][meterKey(&p.Meters[j])])
		}
	}
	next := make([]store.State, len(held))
	if !c.Decide(held, next, at.UnixMicro(), at.UnixMicro()) {
		return ""
	}
	for i := range c.Parts {
		p := &c.Parts[i]
		for j := range p.Meters {
			if c.Changes(p, j) {
				if l.states[p.Subject] == nil {
					l.states[p.Subject] = map[string]store.State{}
				}
				l.states[p.Subject][meterKey(&p.Meters[j])] = next[j]
			}
		}
		next = next[len(p.Meters):]
	}
	return ""
}

// move moves a subject. It reports false if the other one has a state.
func (l *ledger) move(from, to string) (ok bool) {
	if len(l.states[to]) > 0 {
		return false
	}
	delete(l.moved, to)
	l.states[to] = l.states[from]
	delete(l.states, from)
	l.moved[from] = to
	return true
}

// randomMeters returns up to 16 meters of few names, with figures that change, rare and
// soft ones, and windows of three days.
func randomMeters(rnd *rand.Rand, at time.Time) (meters []store.Meter) {
	seen := map[string]bool{}
	for range rnd.IntN(store.MaxMeters + 1) {
		var m store.Meter
		if name := fmt.Sprint("m", rnd.IntN(9)); rnd.IntN(2) == 0 {
			m = day(name, at.AddDate(0, 0, rnd.IntN(3)-1), []int64{3, 30, 30, 30, store.Unlimited}[rnd.IntN(5)], 1000*time.Hour)
			m.Rare = rnd.IntN(8) == 0
		} else {
			m = store.Meter{Name: name, Max: []int64{5, 20, 20, 20, 0}[rnd.IntN(5)], Rate: store.Rate{Tokens: 1, Per: 3_600_000_000 + 7*rnd.Int64N(2)}, Rare: name == "m8"}
		}
		m.Soft = rnd.IntN(6) == 0 && (m.IsWindow() || !m.Rare)
		if !seen[meterKey(&m)] {
			seen[meterKey(&m)] = true
			meters = append(meters, m)
		}
	}
	return meters
}

// TestLedger charges, corrects, moves, saves and loads a few subjects of three families
// at random, with figures up to the bounds, and compares every answer with a ledger.
func TestLedger(t *testing.T) {
	subjects := []string{"a", "a>1", "a>2", "a>" + longName, "b", "b>1", longName, "c"}
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		s, l := memory.New(memory.Config{}), ledger{map[string]map[string]store.State{}, map[string]string{}}
		places := map[string]uint64{}
		lists := make([][]store.Meter, 3) // charged often, so that the fast path is taken
		at := time.Now().Truncate(time.Microsecond)
		for i := range 400 {
			at = at.Add(time.Duration(rnd.IntN(1e9)) * time.Microsecond / 100)
			what := fmt.Sprint("seed ", seed, ", step ", i)
			switch rnd.IntN(40) {
			case 0:
				var file bytes.Buffer
				require.NoError(t, memory.SaveTo(s, &file))
				s = must(memory.LoadSummed(file.Bytes()))
				continue
			case 1:
				from, to := subjects[rnd.IntN(len(subjects))], subjects[rnd.IntN(len(subjects))]
				if from == to || l.moved[from] != "" {
					continue
				}
				require.Equal(t, l.move(from, to), move(t, s, at, from, to) == nil, what)
				continue
			}
			if i%50 == 0 || rnd.IntN(50) == 0 {
				lists[rnd.IntN(len(lists))] = randomMeters(rnd, at)
			}
			c, want := randomCharge(rnd, subjects, at, places, lists)
			closed := l.take(want, at)
			err := s.Take(t.Context(), c)
			if closed != "" {
				require.Equal(t, l.moved[closed], movedTo(err), what)
				continue
			}
			require.NoError(t, err, what)
			require.Equal(t, want.OK, c.OK, what)
			for j := range c.Parts {
				places[c.Parts[j].Subject] = c.Parts[j].Place
				require.Equal(t, want.Parts[j].Levels, c.Parts[j].Levels, "%s, part %d", what, j)
				require.Equal(t, want.Parts[j].Last, c.Parts[j].Last, "%s, part %d", what, j)
			}
		}
	}
}

// randomCharge returns a charge twice.
func randomCharge(rnd *rand.Rand, subjects []string, at time.Time, places map[string]uint64, lists [][]store.Meter) (c, again *store.Charge) {
	c, again = &store.Charge{At: at}, &store.Charge{At: at}
	if rnd.IntN(10) == 0 {
		c.Op, again.Op = store.SetRemaining, store.SetRemaining
	}
	lasts := rnd.IntN(10) == 0
	for _, i := range rnd.Perm(len(subjects))[:1+rnd.IntN(4)] {
		p := store.Part{Subject: subjects[i], Meters: lists[rnd.IntN(len(lists))], Place: places[subjects[i]]}
		if rnd.IntN(20) == 0 {
			p.Meters = randomMeters(rnd, at)
		}
		for range p.Meters {
			p.N = append(p.N, []int64{0, 1, 1, 1, 1, 2, -1, -3, store.MaxUnits, -1 << 63, 1<<63 - 1}[rnd.IntN(7+4*rnd.IntN(2)*rnd.IntN(2)*rnd.IntN(2))])
		}
		p.Levels = make([]store.Level, len(p.Meters))
		if lasts {
			p.Last = make([]int64, len(p.Meters))
		}
		c.Parts = append(c.Parts, p)
		p.Levels, p.Last = slices.Clone(p.Levels), slices.Clone(p.Last)
		again.Parts = append(again.Parts, p)
	}
	return c, again
}
