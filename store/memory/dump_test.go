package memory

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// dumpOf returns the records of a Store, sorted.
func dumpOf(t testing.TB, s *Store, limit int) (all []store.Record) {
	t.Helper()
	for cursor := ""; ; {
		page, next, err := s.Dump(t.Context(), cursor, limit)
		require.NoError(t, err)
		require.NoError(t, store.CheckRecords(page))
		require.LessOrEqual(t, len(page), limit+10)
		all = append(all, page...)
		if cursor = next; cursor == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b store.Record) int { return strings.Compare(a.Subject, b.Subject) })
	for i := range all {
		slices.SortFunc(all[i].States, func(a, b store.MeterState) int {
			return strings.Compare(fmt.Sprint(a.Name, a.IsWindow, a.Start), fmt.Sprint(b.Name, b.IsWindow, b.Start))
		})
	}
	return all
}

// TestDumpAgain restores a dump of random states in another Store, and dumps that. Both
// dumps have the same states. So has the dump of a Store that was saved and loaded.
func TestDumpAgain(t *testing.T) {
	s, now := New(Config{}), time.Now()
	for i := range 3000 {
		subject := fmt.Sprint("subject ", i%500)
		meters := []store.Meter{
			{Name: "throttle", Max: rand.Int64N(1000) + 1, Rate: store.Rate{Tokens: rand.Int64N(9) + 1, Per: rand.Int64N(1e12) + 1e9}},
			{Name: "fixed", Max: rand.Int64N(1000) + 1},
			{Name: fmt.Sprint("id ", rand.N(20)), Max: 9, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}, Rare: true},
			{Name: "day", Max: 1000, Start: now.Unix() - rand.Int64N(3)*100, End: now.Unix() + 1000, Keep: time.Duration(rand.Int64N(1e15))},
		}
		c := &store.Charge{At: now, Parts: []store.Part{store.NewPart(subject, 1, meters[rand.N(4):]...)}}
		if i%7 == 0 {
			c.Op = store.SetRemaining
		}
		require.NoError(t, s.Take(t.Context(), c))
	}
	require.NoError(t, s.Take(t.Context(), &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "subject 0"}, {Subject: "acme>x"}}}))
	want := dumpOf(t, s, 7)
	require.Len(t, want, 501)

	onto := New(Config{})
	require.NoError(t, onto.Restore(t.Context(), want))
	path := filepath.Join(t.TempDir(), "saved")
	require.NoError(t, onto.Save(path))
	loaded, err := Load(path, Config{})
	require.NoError(t, err)
	for _, other := range []*Store{onto, loaded} {
		got := dumpOf(t, other, 1000)
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, want[i].MovedTo, got[i].MovedTo)
			require.Len(t, got[i].States, len(want[i].States), want[i].Subject)
			for j, w := range want[i].States {
				g := got[i].States[j]
				require.GreaterOrEqual(t, g.Until, w.Until, "%+v", w)
				require.Equal(t, w.Rare, g.Rare)
				require.True(t, g.SameMeter(&w))
				require.Equal(t, w.State, g.State)
			}
		}
	}
}

// TestLimitOf checks that the limit of a restored bucket is sound, and that the bucket is
// full by it no sooner than the record says.
func TestLimitOf(t *testing.T) {
	pick := func() int64 {
		edges := []int64{0, 1, 2, 1000, 1_000_000, 86_400_000_000, store.MaxUnits - 1, store.MaxUnits, rand.Int64N(store.MaxUnits)}
		return edges[rand.N(len(edges))]
	}
	for range 100_000 {
		per := max(pick(), 1)
		b := store.Bucket{Tokens: min(pick(), (store.MaxUnits-1)/per), Part: min(pick(), per-1), Per: per, Last: pick() * (1 - 2*rand.Int64N(2))}
		s := store.MeterState{Name: "x", Until: pick(), State: store.State{Bucket: b}}
		m := meterOf(&s)
		require.NoError(t, store.CheckMeters([]store.Meter{m}), "%+v", s)
		full := b.FullAt(&m)
		if most := (store.MaxUnits - 1) / per; m.Max < most && s.Until < math.MaxInt64/1_000_000 && b.Per > 1 {
			require.GreaterOrEqual(t, full, min(s.Until*1_000_000, b.Last+store.MaxUnits), "%+v as %+v", s, m)
		}
	}
}

// TestDumpBesideCharges dumps and restores beside charges and moves.
func TestDumpBesideCharges(t *testing.T) {
	s, onto := New(Config{}), New(Config{})
	day := store.Meter{Name: "day", Max: store.Unlimited, Start: time.Now().Unix() - 100, End: time.Now().Unix() + 100_000}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				c := store.NewCharge(fmt.Sprint("key-", (i*7+g)%300), 1, day)
				_ = s.Take(t.Context(), c) // a subject may be closed
				_ = onto.Take(t.Context(), c)
				if i%100 == 0 {
					from := fmt.Sprint("key-", i%300)
					_ = s.Take(t.Context(), &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: from}, {Subject: "acme>" + from}}})
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				for _, r := range dumpOf(t, s, 50) {
					_ = onto.Restore(t.Context(), []store.Record{r}) // it may be in use
				}
			}
		})
	}
	wg.Wait()
}
