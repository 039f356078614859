package memory_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestSize holds the promise of bytes a subject with a bucket, a quota and a usage record, its name included, and of
// bytes a window that has ended.
func TestSize(t *testing.T) {
	const subjects, days = 1_000_000, 3
	if testing.Short() {
		t.Skip("takes a million subjects, and one goroutine")
	}
	names := make([]string, subjects)
	for i := range names {
		names[i] = "plan123456/key" + strconv.Itoa(1_000_000+i)
	}
	before := heap()
	s := memory.New(memory.Config{})
	fill := func(at time.Time) {
		keep := 90 * 24 * time.Hour
		c := store.Charge{At: at, Meters: []store.Meter{bucket, day("day", at, 1000, keep), day("use", at, store.Unlimited, keep)}, N: store.Each(1)}
		for _, name := range names {
			c.Subject = name
			if err := s.Take(t.Context(), &c); err != nil || !c.OK {
				t.Fatal(c.OK, err)
			}
		}
	}
	fill(t0)
	live := heap()
	perSubject := float64(live-before) / float64(subjects)
	for i := range days {
		fill(t0.AddDate(0, 0, i+1))
	}
	perWindow := float64(heap()-live) / float64(subjects) / float64(2*days)
	t.Logf("%d subjects: %.1f bytes each, and %.1f a window that has ended", subjects, perSubject, perWindow)
	require.EqualValues(t, subjects, s.Stats().Subjects)
	require.LessOrEqual(t, perSubject, 160.0)
	require.LessOrEqual(t, perWindow, 24.0)
}

// TestAllocs shows that a decision allocates nothing: taking, refusing, giving back and reading.
func TestAllocs(t *testing.T) {
	s := memory.New(memory.Config{})
	now := time.Now()
	meters := []store.Meter{{Name: "rate", Max: 1 << 40, Rate: store.Rate{Tokens: 1, Per: 1}}, day("day", now, 1<<50, 0), day("use", now, store.Unlimited, 0)}
	ctx, c := context.Background(), &store.Charge{Subject: "a", Meters: meters}
	for _, n := range []int64{1, -1, 0, 1 << 51} {
		allocs := testing.AllocsPerRun(1000, func() {
			c.At, c.N = time.Now(), store.Each(n)
			if err := s.Take(ctx, c); err != nil || c.OK != (n < 1<<51) {
				t.Fatal(c.OK, err)
			}
		})
		require.Zero(t, allocs, "n = %d", n)
	}
}

func BenchmarkCounter(b *testing.B) {
	storetest.BenchmarkCounter(b, func(testing.TB) store.Counter { return memory.New(memory.Config{}) })
}
