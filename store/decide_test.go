package store_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestDecide decides charges of an organisation with a quota of 10 and of a key with a
// throttle of 3 and a soft quota of 2. The organisation has used 8.
func TestDecide(t *testing.T) {
	quota := store.Meter{Name: "day", Max: 10, End: 86400}
	softly := store.Meter{Name: "soft", Max: 2, End: 86400, Soft: true}
	for name, test := range map[string]struct {
		op       store.Op
		n        [3]int64 // of the quota, the throttle and the soft quota
		ok, keep bool
		used     [3]int64
		waits    [3]bool
	}{
		"all fit":                      {store.Spend, [3]int64{2, 3, 2}, true, true, [3]int64{10, 3, 2}, [3]bool{}},
		"a soft one does not fit":      {store.Spend, [3]int64{2, 3, 3}, true, true, [3]int64{10, 3, 3}, [3]bool{2: true}},
		"the first refuses":            {store.Spend, [3]int64{3, 3, 2}, false, false, [3]int64{8, 0, 0}, [3]bool{0: true}},
		"one in the middle refuses":    {store.Spend, [3]int64{2, 4, 2}, false, false, [3]int64{8, 0, 0}, [3]bool{1: true}},
		"two refuse, and one is soft":  {store.Spend, [3]int64{3, 4, 9}, false, false, [3]int64{8, 0, 0}, [3]bool{true, true, true}},
		"a refund beside a refusal":    {store.Spend, [3]int64{-5, 4, 1}, false, false, [3]int64{8, 0, 0}, [3]bool{1: true}},
		"a refund beside a charge":     {store.Spend, [3]int64{-5, 1, 1}, true, true, [3]int64{3, 1, 1}, [3]bool{}},
		"a read":                       {store.Spend, [3]int64{}, true, false, [3]int64{8, 0, 0}, [3]bool{}},
		"a read beside one refused":    {store.Spend, [3]int64{0, 9, 0}, false, false, [3]int64{8, 0, 0}, [3]bool{1: true}},
		"set":                          {store.SetRemaining, [3]int64{100, 1, 1}, true, true, [3]int64{8, 2, 0}, [3]bool{}},
		"set to none is still a write": {store.SetRemaining, [3]int64{}, true, true, [3]int64{8, 3, 0}, [3]bool{}},
	} {
		c := &store.Charge{Op: test.op, Parts: []store.Part{
			store.NewPart("org", test.n[0], quota), store.NewPart("org>key", 0, bucket(3, perDay), softly), {Subject: "account"},
		}}
		copy(c.Parts[1].N, test.n[1:])
		held, next := make([]store.State, 3), make([]store.State, 3)
		held[0].Window.Used = 8
		before := [3]store.State(held)
		require.Equal(t, test.keep, c.Decide(held, next, epoch, epoch), name)
		require.Equal(t, test.ok, c.OK, name)
		require.Equal(t, before[:], held, "%s: Decide reads held only", name)
		levels := append(c.Parts[0].Levels, c.Parts[1].Levels...)
		for i := range levels {
			require.Equal(t, test.used[i], levels[i].Used, "%s: meter %d", name, i)
			require.Equal(t, test.waits[i], levels[i].Wait > 0, "%s: meter %d", name, i)
		}
		if test.keep {
			require.Equal(t, test.used[0], next[0].Window.Used, name)
			require.Equal(t, 3-test.used[1], next[1].Bucket.Tokens, name)
			require.Equal(t, test.used[2], next[2].Window.Used, name)
		}
	}
}

func TestStateTakesByKind(t *testing.T) {
	s := store.State{Bucket: store.Bucket{Tokens: 3, Per: 1, Last: epoch}, Window: store.Window{Used: 4}}
	rate, window := bucket(10, none), store.Meter{Name: "day", Max: 10, End: epoch/sec + 60}
	next, l, ok := s.Take(&rate, 0, epoch, 3)
	require.True(t, ok)
	require.EqualValues(t, 10, l.Used)
	require.Equal(t, s.Window, next.Window)
	next, l, ok = s.Take(&window, epoch, 0, 7)
	require.False(t, ok)
	require.EqualValues(t, 4, l.Used)
	require.Equal(t, s, next)
	next, l = s.Set(&rate, 0, epoch, 9)
	require.EqualValues(t, 1, l.Used)
	require.Equal(t, s.Window, next.Window)
	next, l = s.Set(&window, epoch, 0, 1)
	require.EqualValues(t, 5, l.Max)
	require.Equal(t, s.Bucket, next.Bucket)
}

// randomCharge returns a charge of up to MaxParts parts, and the states of its meters.
func randomCharge(r *rand.Rand) (*store.Charge, []store.State) {
	c := &store.Charge{Op: store.Op(r.IntN(8) / 7)}
	var held []store.State
	for i := range 1 + r.IntN(store.MaxParts) {
		var meters []store.Meter
		for j := range r.IntN(5) {
			m := bucket(r.Int64N(20), perSecond)
			st := store.State{}
			if r.IntN(2) == 0 {
				m = store.Meter{Max: r.Int64N(20), End: 86400}
				st.Window = store.Window{Used: r.Int64N(20), Last: r.Int64N(3)}
				if r.IntN(4) == 0 {
					st.Window.Extra = r.Int64N(20) - 10
				}
			} else if r.IntN(3) > 0 {
				st.Bucket = store.Bucket{Tokens: r.Int64N(m.Max + 1), Part: r.Int64N(sec), Per: sec, Last: epoch - r.Int64N(20*sec)}
			}
			m.Name, m.Soft = string(rune('a'+j)), r.IntN(5) == 0
			meters, held = append(meters, m), append(held, st)
		}
		p := store.NewPart(string(rune('A'+i)), 0, meters...)
		for j := range p.N {
			p.N[j] = r.Int64N(8) - 1
		}
		c.Parts = append(c.Parts, p)
	}
	return c, held
}

// decideAll decides c part by part, as a caller would do by hand who reads all meters
// first: if one that is not soft refuses, every meter stays as it is.
func decideAll(c *store.Charge, held []store.State) (next []store.State, levels []store.Level, ok, changed bool) {
	ok, levels = true, []store.Level{}
	i := 0
	for _, p := range c.Parts {
		for j := range p.Meters {
			st, l, fits := held[i].Take(&p.Meters[j], epoch, epoch, p.N[j])
			if c.Op == store.SetRemaining {
				st, l = held[i].Set(&p.Meters[j], epoch, epoch, p.N[j])
				fits = true
			}
			ok = ok && fits
			changed = changed || p.N[j] != 0 || c.Op == store.SetRemaining
			next, levels = append(next, st), append(levels, l)
			i++
		}
	}
	if ok {
		return next, levels, true, changed
	}
	i = 0
	for _, p := range c.Parts {
		for j := range p.Meters {
			_, l, _ := held[i].Take(&p.Meters[j], epoch, epoch, 0)
			l.Wait = levels[i].Wait
			levels[i], next[i] = l, held[i]
			i++
		}
	}
	return next, levels, false, false
}

// TestDecideRandomly compares Decide with decideAll, in every order of the parts, with
// levels and without.
func TestDecideRandomly(t *testing.T) {
	admitted := 0
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 2))
		c, held := randomCharge(r)
		wantNext, wantLevels, ok, changed := decideAll(c, held)

		// starts has the index of each part's first state.
		starts, n := map[string]int{}, 0
		for _, p := range c.Parts {
			starts[p.Subject] = n
			n += len(p.Meters)
		}
		for range 3 {
			r.Shuffle(len(c.Parts), func(i, j int) { c.Parts[i], c.Parts[j] = c.Parts[j], c.Parts[i] })
			var permuted []store.State
			for i := range c.Parts {
				p := &c.Parts[i]
				at := starts[p.Subject]
				permuted = append(permuted, held[at:at+len(p.Meters)]...)
				if p.Levels = make([]store.Level, len(p.Meters)); r.IntN(4) == 0 {
					p.Levels = nil
				}
			}
			next := make([]store.State, len(held))
			require.Equal(t, changed && ok, c.Decide(permuted, next, epoch, epoch), seed)
			require.Equal(t, ok, c.OK, seed)
			for _, p := range c.Parts {
				at := starts[p.Subject]
				if ok && changed {
					require.Equal(t, wantNext[at:at+len(p.Meters)], next[:len(p.Meters)], seed)
				}
				if next = next[len(p.Meters):]; p.Levels != nil {
					require.Equal(t, wantLevels[at:at+len(p.Meters)], p.Levels, seed)
				}
			}
		}
		if ok {
			admitted++
		}
	}
	require.Greater(t, admitted, 2000)
	require.Less(t, admitted, 18_000)
}

// TestDecideAllocatesNothing decides a charge of many parts.
func TestDecideAllocatesNothing(t *testing.T) {
	for seed := range uint64(50) {
		c, held := randomCharge(rand.New(rand.NewPCG(seed, 3)))
		next := make([]store.State, len(held))
		require.Zero(t, testing.AllocsPerRun(10, func() { c.Decide(held, next, epoch, epoch) }))
	}
}

// FuzzDecide charges two parts of one meter each, hard or soft, with any figures. A
// refusal keeps nothing, and what is admitted fits every hard meter.
func FuzzDecide(f *testing.F) {
	f.Add(int64(10), int64(8), int64(3), int64(5), int64(0), int64(1), byte(0), int64(0))
	f.Add(int64(10), int64(8), int64(3), int64(5), int64(9), int64(1), byte(3), int64(most))
	f.Add(int64(most), int64(most), int64(1), int64(most), int64(most), int64(-1), byte(2), int64(-5))
	f.Fuzz(func(t *testing.T, max1, used1, n1, max2, used2, n2 int64, what byte, at int64) {
		meter := func(most int64, softly byte) store.Meter {
			return store.Meter{Name: "w", Max: most, Start: -5, End: 100, Soft: what&softly != 0}
		}
		c := &store.Charge{Parts: []store.Part{store.NewPart("a", n1, meter(max1, 1)), store.NewPart("b", n2, meter(max2, 2))}}
		if c.Check() != nil || used1 < 0 || used1 > most || used2 < 0 || used2 > most {
			t.Skip()
		}
		held, next := make([]store.State, 2), make([]store.State, 2)
		held[0].Window.Used, held[1].Window.Used = used1, used2
		keep := c.Decide(held, next, at, at)
		require.Equal(t, c.OK && (n1 != 0 || n2 != 0), keep)
		for i := range c.Parts {
			p := &c.Parts[i]
			m, n, l := &p.Meters[0], p.N[0], &p.Levels[0]
			used := held[i].Window.Used
			fits := n <= 0 || n <= m.Max-used
			require.Equal(t, fits, l.Wait == 0)
			if c.OK {
				require.True(t, fits || m.Soft)
				require.True(t, next[i].Window.Used >= 0 && next[i].Window.Used <= most)
				require.Equal(t, next[i].Window.Used, l.Used)
			} else {
				require.Equal(t, used, l.Used)
			}
		}
		refused := !m0fits(c, 0, used1) || !m0fits(c, 1, used2)
		require.Equal(t, refused, !c.OK)
	})
}

// m0fits reports whether a part's first meter admits its N.
func m0fits(c *store.Charge, i int, used int64) bool {
	p := &c.Parts[i]
	return p.Meters[0].Soft || p.N[0] <= 0 || p.N[0] <= p.Meters[0].Max-used
}
