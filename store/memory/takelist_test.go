package memory_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// TestTakeListDecides checks which charges the fast path decides. A charge that it does
// not decide changes nothing.
func TestTakeListDecides(t *testing.T) {
	at := time.Now()
	list := store.NewMeterList([]store.Meter{bucket, day("day", at, 3, time.Hour)})
	wider := store.NewMeterList([]store.Meter{bucket, day("day", at, 4, time.Hour)})
	s := memory.New(memory.Config{})
	place := mustTake(t, s, "key", at, 1, list.Meters()...).Parts[0].Place
	for _, step := range []struct {
		what        string
		subject     string
		place       uint64
		list        *store.MeterList
		at          time.Time
		n           []int64
		ok, decided bool
		used        int64
	}{
		{"fits", "key", place, list, at, []int64{1, 1}, true, true, 2},
		{"by its pointer", "key", place, list, at, []int64{1, 1}, true, true, 3},
		{"does not fit", "key", place, list, at, []int64{1, 1}, false, true, 3},
		{"another limit", "key", place, wider, at, []int64{1, 1}, false, false, 3},
		{"gives back", "key", place, list, at, []int64{0, -1}, false, false, 3},
		{"no place", "key", 0, list, at, []int64{1, 1}, false, false, 3},
		{"another subject", "other", place, list, at, []int64{1, 1}, false, false, 3},
		{"no time", "key", place, list, time.Time{}, []int64{1, 1}, false, false, 3},
		{"too few units", "key", place, list, at, []int64{1}, false, false, 3},
	} {
		_, ok, decided := s.TakeList(t.Context(), step.subject, step.place, step.list, step.at, 0, step.n)
		require.Equal(t, []bool{step.ok, step.decided}, []bool{ok, decided}, step.what)
		read := mustTake(t, s, "key", at, 0, list.Meters()...)
		require.Equal(t, step.used, read.Parts[0].Levels[1].Used, step.what)
	}
}

// TestTakeListTwins charges one subject by two lists of the same meters, as two Gates
// over one Store do. Exactly the limit is admitted.
func TestTakeListTwins(t *testing.T) {
	const limit, rounds = 5000, 4000
	at := time.Now()
	meters := []store.Meter{day("day", at, limit, time.Hour)}
	s := memory.New(memory.Config{})
	place := mustTake(t, s, "key", at, 0, meters...).Parts[0].Place
	require.Zero(t, place, "a read makes nothing")
	place = mustTake(t, s, "key", at, 1, meters...).Parts[0].Place
	admitted := make([]int, 2)
	var all sync.WaitGroup
	for g := range admitted {
		all.Go(func() {
			list := store.NewMeterList(meters)
			for range rounds {
				if _, ok, decided := s.TakeList(t.Context(), "key", place, list, at, 0, []int64{1}); ok && decided {
					admitted[g]++
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, limit-1, admitted[0]+admitted[1])
}

// TestTakeListAllocs checks that neither an admission nor a refusal allocates.
func TestTakeListAllocs(t *testing.T) {
	at, n := time.Now(), []int64{1, 1}
	for limit, want := range map[int64]bool{1: false, 1 << 40: true} {
		list := store.NewMeterList([]store.Meter{{Name: "rate", Max: 1 << 40}, day("day", at, limit, time.Hour)})
		s := memory.New(memory.Config{})
		place := mustTake(t, s, "key", at, 1, list.Meters()...).Parts[0].Place
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if _, ok, decided := s.TakeList(t.Context(), "key", place, list, at, time.Second, n); ok != want || !decided {
				t.Errorf("limit %d: ok %v, decided %v", limit, ok, decided)
			}
		}))
	}
}
