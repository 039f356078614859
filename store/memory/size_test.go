package memory_test

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
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

// TestSize checks the documented bytes of a subject with a bucket, a quota and a usage
// record, its name included, and the bytes of an ended window.
func TestSize(t *testing.T) {
	longtest.Only(t)
	const subjects, days = 1_000_000, 3
	names := make([]string, subjects)
	for i := range names {
		names[i] = "plan123456/key" + strconv.Itoa(1_000_000+i)
	}
	before := heap()
	s := memory.New(memory.Config{})
	fill := func(at time.Time) {
		keep := 90 * 24 * time.Hour
		c := store.Charge{At: at, Parts: []store.Part{store.NewPart("", 1, bucket, day("day", at, 1000, keep), day("use", at, store.Unlimited, keep))}}
		for _, name := range names {
			c.Parts[0].Subject = name
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
	t.Logf("%d subjects: %.1f bytes each, %.1f per ended window", subjects, perSubject, perWindow)
	require.EqualValues(t, subjects, s.Stats().Subjects)
	require.LessOrEqual(t, perSubject, 160.0)
	require.LessOrEqual(t, perWindow, 24.0)
}

// TestSizeOfPlans checks that subjects of many plans take hardly more memory than those
// of one. They come in any order, while the collector runs all the time.
func TestSizeOfPlans(t *testing.T) {
	longtest.Only(t)
	const subjects, days = 30_000, 3
	measure := func(plans int) (perSubject, perWindow float64) {
		rnd, before := rand.New(rand.NewPCG(1, 2)), heap()
		s := memory.New(memory.Config{})
		fill := func(at time.Time) {
			keep := 90 * 24 * time.Hour
			meters := make([][]store.Meter, plans)
			for p := range meters {
				throttle := bucket
				throttle.Max += int64(p)
				meters[p] = []store.Meter{throttle, day("day", at, int64(1000+p), keep), day("use", at, store.Unlimited, keep)}
			}
			for n, i := range rnd.Perm(subjects) {
				if n%1000 == 0 {
					runtime.GC()
				}
				mustTake(t, s, strconv.Itoa(i), at, 1, meters[i%plans]...)
			}
		}
		fill(t0)
		live := heap()
		fill(t0.AddDate(0, 0, 1)) // then accounts have room for more windows
		first := heap()
		for i := range days - 1 {
			fill(t0.AddDate(0, 0, i+2))
		}
		perSubject = float64(live-before) / subjects
		perWindow = float64(heap()-first) / subjects / (2 * (days - 1))
		t.Logf("%d plans: %.1f bytes per subject, %.1f per ended window", plans, perSubject, perWindow)
		runtime.KeepAlive(s)
		return perSubject, perWindow
	}
	subject, window := measure(1)
	for _, plans := range []int{20, 200} {
		perSubject, perWindow := measure(plans)
		require.InEpsilon(t, subject, perSubject, 0.1)
		require.InDelta(t, window, perWindow, 5)
	}
}

// TestSizes publishes the bytes of each size of account.
func TestSizes(t *testing.T) {
	longtest.Only(t)
	const subjects = 200_000
	at := time.Now()
	meters := func(buckets, windows int) (all []store.Meter) {
		for i := range buckets {
			all = append(all, throttle(strconv.Itoa(i)))
		}
		for i := range windows {
			all = append(all, day("day "+strconv.Itoa(i), at, 1<<50, time.Hour))
		}
		return all
	}
	for _, test := range []struct {
		name            string
		buckets, window int
		most            float64
	}{
		{"a bucket, a quota and the record", 1, 2, 140},
		{"a bucket, three quotas and the record", 1, 4, 280},
		{"two buckets, two quotas and two records", 2, 4, 280},
		{"four buckets, a quota and the record", 4, 2, 480},
		{"ten buckets, four quotas and two records", 10, 6, 620},
	} {
		s, all := memory.New(memory.Config{}), meters(test.buckets, test.window)
		c := store.NewCharge("", 1, all...)
		before := heap()
		for i := range subjects {
			c.Parts[0].Subject, c.Parts[0].Place = strconv.Itoa(1_000_000+i), 0
			require.NoError(t, s.Take(t.Context(), c))
		}
		each := float64(heap()-before) / subjects
		require.EqualValues(t, subjects, s.Stats().Subjects)
		t.Logf("%s: %.0f bytes a subject", test.name, each)
		require.LessOrEqual(t, each, test.most, test.name)
	}
}

func BenchmarkCounter(b *testing.B) {
	storetest.BenchmarkCounter(b, func(testing.TB) store.Counter { return memory.New(memory.Config{}) })
}
