package memory_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// tree is an organisation, its teams and their keys. The account that all share is of
// another family.
func tree(key int) []string {
	return []string{"org>key " + strconv.Itoa(key), "org>team " + strconv.Itoa(key%2), "org", "account"}
}

// TestPartsConcurrently charges the payers of six keys in any order, from goroutines with
// right, wrong and no places. Readers compare the teams with the organisation, so they
// would see a part of a charge. Every payer is used up exactly, and there is no deadlock.
func TestPartsConcurrently(t *testing.T) {
	const goroutines, charges, keys, limit = 8, 3000, 6, 4000
	now := time.Now()
	s, window := memory.New(memory.Config{}), day("day", now, limit, time.Hour)
	var admitted [keys]atomic.Int64
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			places := map[string]uint64{}
			for range charges {
				key := rnd.IntN(keys)
				c := &store.Charge{At: now}
				for _, subject := range tree(key) {
					c.Parts = append(c.Parts, store.NewPart(subject, 1, window))
				}
				rnd.Shuffle(len(c.Parts), func(i, j int) { c.Parts[i], c.Parts[j] = c.Parts[j], c.Parts[i] })
				for i := range c.Parts {
					if c.Parts[i].Place = places[c.Parts[i].Subject]; rnd.IntN(10) == 0 {
						c.Parts[i].Place = rnd.Uint64() >> rnd.IntN(64)
					}
				}
				if !assert.NoError(t, s.Take(t.Context(), c)) {
					return
				}
				if c.OK {
					admitted[key].Add(1)
				}
				for i := range c.Parts {
					places[c.Parts[i].Subject] = c.Parts[i].Place
				}
				checkTeams(t, s, window, now)
			}
		})
	}
	wg.Wait()

	total := int64(0)
	for key := range keys {
		total += admitted[key].Load()
		require.Equal(t, admitted[key].Load(), usedOf(t, s, tree(key)[0], window, now))
	}
	require.EqualValues(t, limit, total)
	require.EqualValues(t, limit, usedOf(t, s, "org", window, now))
	require.EqualValues(t, limit, usedOf(t, s, "account", window, now))
	require.EqualValues(t, keys+4, s.Stats().Subjects)
}

// checkTeams reads both teams and the organisation in one charge.
func checkTeams(t *testing.T, s *memory.Store, window store.Meter, at time.Time) {
	c := &store.Charge{At: at}
	for _, subject := range []string{"org>team 0", "account", "org>team 1", "org"} {
		c.Parts = append(c.Parts, store.NewPart(subject, 0, window))
	}
	assert.NoError(t, s.Take(t.Context(), c))
	used := func(i int) int64 { return c.Parts[i].Levels[0].Used }
	assert.Equal(t, used(3), used(0)+used(2), "a part of a charge is seen")
	assert.Equal(t, used(3), used(1), "a part of a charge is seen")
}

func usedOf(t *testing.T, s *memory.Store, subject string, window store.Meter, at time.Time) int64 {
	return mustTake(t, s, subject, at, 0, window).Parts[0].Levels[0].Used
}

// TestPartsInFullStore charges several new subjects in a store with room for some of
// them. Either all are made or none, and after a failure the number of subjects is exact.
func TestPartsInFullStore(t *testing.T) {
	charge := func(s *memory.Store, at time.Time, subjects ...string) error {
		c := &store.Charge{At: at}
		for _, subject := range subjects {
			c.Parts = append(c.Parts, store.NewPart(subject, 1, bucket))
		}
		return s.Take(t.Context(), c)
	}
	for name, step := range map[string]struct{ a, b, c, d string }{
		"one family":       {"o", "o>b", "o>c", "o>d"},
		"several families": {"a", "b", "c", "d"},
	} {
		s := memory.New(memory.Config{MaxSubjects: 3})
		require.NoError(t, charge(s, t0, step.a, step.b), name)
		for range 3 {
			require.ErrorIs(t, charge(s, t0, step.a, step.c, step.d), store.ErrFull, name)
			require.EqualValues(t, 2, s.Stats().Subjects, name)
		}
		require.EqualValues(t, 3, s.Stats().Refused, name)
		require.EqualValues(t, 1, mustTake(t, s, step.a, t0, 0, bucket).Parts[0].Levels[0].Used, "nothing was charged")
		require.NoError(t, charge(s, t0, step.b, step.c, step.a), "room for one")
		require.EqualValues(t, 3, s.Stats().Subjects, name)
	}
}

// TestPartsThatReadCreateNothing reads unknown subjects beside a part that is charged,
// and refuses a charge of new subjects.
func TestPartsThatReadCreateNothing(t *testing.T) {
	none := bucket
	none.Max = 0
	for name, test := range map[string]struct {
		parts    []store.Part
		ok       bool
		subjects int64
	}{
		"refused":                 {[]store.Part{store.NewPart("a", 1, bucket), store.NewPart("b", 1, none), store.NewPart("c", 1, bucket)}, false, 0},
		"refused, with a soft":    {[]store.Part{store.NewPart("a", 1, bucket), store.NewPart("b", 1, none), store.NewPart("c", 11, soft(bucket))}, false, 0},
		"without meters":          {[]store.Part{{Subject: "a"}, {Subject: "b"}}, true, 0},
		"reads":                   {[]store.Part{store.NewPart("a", 0, bucket), store.NewPart("b", 0, none)}, true, 0},
		"a read beside a charge":  {[]store.Part{store.NewPart("a", 0, bucket), store.NewPart("b", 1, bucket), {Subject: "c"}}, true, 1},
		"a soft meter has no say": {[]store.Part{store.NewPart("b", 1, bucket, soft(none))}, true, 1},
	} {
		s := memory.New(memory.Config{})
		for i := range 2 {
			c := &store.Charge{At: t0, Parts: test.parts}
			require.NoError(t, s.Take(t.Context(), c), name)
			require.Equal(t, test.ok, c.OK, name)
			require.Equal(t, test.subjects, s.Stats().Subjects, "%s, charge %d", name, i+1)
		}
	}
}

func soft(m store.Meter) store.Meter {
	m.Name, m.Soft = m.Name+" soft", true
	return m
}

// TestPartsThatMoveAccounts charges old subjects and a new one of one family, again and
// again. An insertion makes the first slab grow, which moves the accounts of the other
// parts, or evicts subjects that are spent. No count is lost.
func TestPartsThatMoveAccounts(t *testing.T) {
	const rounds = 2000
	s := memory.New(memory.Config{})
	year := store.Meter{Name: "year", Max: store.Unlimited, Start: t0.Unix(), End: t0.AddDate(1, 0, 0).Unix()}
	for i := range rounds {
		at := t0.Add(time.Duration(i) * time.Second / 10) // a key is spent after a second
		c := &store.Charge{At: at, Parts: []store.Part{store.NewPart("org>key "+strconv.Itoa(i), 1, bucket)}}
		for j := range 4 {
			c.Parts = append(c.Parts, store.NewPart("org>group "+strconv.Itoa(j), 1, year, bucket))
			if c.Parts[j+1].N[1] = 0; i%2 == 0 {
				c.Parts[0], c.Parts[j+1] = c.Parts[j+1], c.Parts[0]
			}
		}
		if i > 40 { // an old key, which the sweep for the new one may evict
			old := i - 1 - i*7%40
			c.Parts = slices.Insert(c.Parts, i%5, store.NewPart("org>key "+strconv.Itoa(old), 1, bucket))
		}
		require.NoError(t, s.Take(t.Context(), c))
		require.True(t, c.OK)
		for _, p := range c.Parts {
			if len(p.Meters) == 2 {
				require.EqualValues(t, i+1, p.Levels[0].Used)
			}
		}
	}
	require.Less(t, s.Stats().Subjects, int64(500), "spent keys are evicted")
}

// TestPartsSetAndRefunded sets what remains and gives units back over parts of two
// families.
func TestPartsSetAndRefunded(t *testing.T) {
	s, quota := memory.New(memory.Config{}), day("day", t0, 10, time.Hour)
	var places [3]uint64
	for i, step := range []struct {
		op     store.Op
		n      [3]int64 // of the key, the organisation and the account
		nobody bool     // nobody asks for the levels
		ok     bool
		used   [3]int64
		max    [3]int64
	}{
		{store.Spend, [3]int64{3, 3, 3}, false, true, [3]int64{3, 3, 3}, [3]int64{10, 10, 10}},
		{store.SetRemaining, [3]int64{0, 20, 7}, false, true, [3]int64{3, 3, 3}, [3]int64{3, 23, 10}},
		{store.Spend, [3]int64{1, 1, 1}, false, false, [3]int64{3, 3, 3}, [3]int64{3, 23, 10}},
		{store.Spend, [3]int64{-1, -1, -1}, false, true, [3]int64{2, 2, 2}, [3]int64{3, 23, 10}},
		{store.Spend, [3]int64{1, 15, 1}, false, true, [3]int64{3, 17, 3}, [3]int64{3, 23, 10}},
		{store.Spend, [3]int64{0, 1, 0}, true, true, [3]int64{}, [3]int64{}},
		{store.Spend, [3]int64{-9, 0, -9}, true, true, [3]int64{}, [3]int64{}},
		{store.SetRemaining, [3]int64{1, 1, 1}, true, true, [3]int64{}, [3]int64{}},
		{store.Spend, [3]int64{2, 1, 1}, true, false, [3]int64{}, [3]int64{}},
		{store.Spend, [3]int64{1, 1, 1}, false, true, [3]int64{1, 19, 1}, [3]int64{1, 19, 1}},
	} {
		c := &store.Charge{Op: step.op, At: t0}
		for j, subject := range []string{"org>key", "org", "account"} {
			p := store.NewPart(subject, step.n[j], quota)
			if p.Place = places[j]; step.nobody {
				p.Levels = nil
			}
			c.Parts = append(c.Parts, p)
		}
		require.NoError(t, s.Take(t.Context(), c), "step %d", i+1)
		require.Equal(t, step.ok, c.OK, "step %d", i+1)
		for j, p := range c.Parts {
			places[j] = p.Place
			if !step.nobody {
				require.Equal(t, step.used[j], p.Levels[0].Used, "step %d, part %d", i+1, j)
				require.Equal(t, step.max[j], p.Levels[0].Max, "step %d, part %d", i+1, j)
			}
		}
	}
}

// TestPeekClosed reads a subject that was closed.
func TestPeekClosed(t *testing.T) {
	s := memory.New(memory.Config{})
	mustTake(t, s, "a", t0, 1, bucket)
	require.NoError(t, move(t, s, t0, "a", "b"))
	levels := make([]store.Level, 2)
	err := s.Peek(t.Context(), t0, []string{"b", "a"}, []store.Meter{bucket}, levels, nil)
	require.Equal(t, "b", movedTo(err))
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.EqualValues(t, 1, levels[0].Used)
}

// TestPartsOfOneSubject names a subject twice, with its place. Nothing is charged.
func TestPartsOfOneSubject(t *testing.T) {
	s := memory.New(memory.Config{})
	place := mustTake(t, s, "a", t0, 1, bucket).Parts[0].Place
	for _, places := range [][2]uint64{{place, place}, {place, 0}, {0, 0}} {
		c := &store.Charge{At: t0, Parts: []store.Part{store.NewPart("a", 1, bucket), store.NewPart("a", 1, bucket)}}
		c.Parts[0].Place, c.Parts[1].Place = places[0], places[1]
		require.ErrorIs(t, s.Take(t.Context(), c), store.ErrInvalid)
	}
	require.EqualValues(t, 1, mustTake(t, s, "a", t0, 0, bucket).Parts[0].Levels[0].Used)
}

// TestPartsOfTheGreatestCharge has as many parts and meters as a charge may have. All of
// them are charged, or none.
func TestPartsOfTheGreatestCharge(t *testing.T) {
	s, c := memory.New(memory.Config{}), &store.Charge{At: t0}
	for i := range store.MaxParts {
		c.Parts = append(c.Parts, store.NewPart("org>"+strconv.Itoa(i), 1, manyMeters(t0, store.MaxMeters/2)...))
	}
	for round := range int64(3) {
		require.NoError(t, s.Take(t.Context(), c))
		require.True(t, c.OK)
		for _, p := range c.Parts {
			for _, l := range p.Levels {
				require.Equal(t, round+1, l.Used)
			}
		}
	}
	c.Parts[5].N[15] = 1000
	require.NoError(t, s.Take(t.Context(), c))
	require.False(t, c.OK)
	for _, p := range c.Parts {
		for _, l := range p.Levels {
			require.EqualValues(t, 3, l.Used)
		}
	}
}
