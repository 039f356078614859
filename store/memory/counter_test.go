package memory_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

// TestCounter runs the suite on every configuration, by the caller's clock and in a
// bubble.
func TestCounter(t *testing.T) {
	for name, cfg := range map[string]memory.Config{
		"default": {},
		"bounded": {MaxSubjects: 4096},
	} {
		t.Run(name+"/clock=caller", func(t *testing.T) { storetest.TestCounter(t, harness(cfg)) })
		t.Run(name+"/clock=bubble", func(t *testing.T) {
			h := harness(cfg)
			h.Bubble = synctest.Test
			storetest.TestCounter(t, h)
		})
	}
}

// harness returns a harness of Stores that are saved and loaded, and of Stores with
// little room.
func harness(cfg memory.Config) storetest.Harness {
	var last *memory.Store
	open := func(s *memory.Store) store.Counter { last = s; return s }
	return storetest.Harness{
		New:    func(testing.TB) store.Counter { return open(memory.New(cfg)) },
		Reopen: func(t testing.TB) store.Counter { return open(reload(t, last)) },
		Full:   func(testing.TB) store.Counter { return open(memory.New(memory.Config{MaxSubjects: 8})) },
	}
}

var (
	// t0 is long past. The clock of the process is later then, so a store evicts by the
	// clock of the charges alone.
	t0     = time.Date(2001, 11, 23, 12, 0, 0, 0, time.UTC)
	bucket = store.Meter{Name: "rate", Max: 10, Rate: store.Rate{Tokens: 1, Per: 1_000_000}}
)

// day returns a window of the UTC day of at.
func day(name string, at time.Time, limit int64, keep time.Duration) store.Meter {
	start := at.UTC().Truncate(24 * time.Hour).Unix()
	return store.Meter{Name: name, Max: limit, Start: start, End: start + 24*60*60, Keep: keep}
}

func take(t testing.TB, s *memory.Store, subject string, at time.Time, n int64, meters ...store.Meter) (store.Charge, error) {
	c := store.Charge{At: at, Parts: []store.Part{store.NewPart(subject, n, meters...)}}
	err := s.Take(t.Context(), &c)
	return c, err
}

func mustTake(t testing.TB, s *memory.Store, subject string, at time.Time, n int64, meters ...store.Meter) store.Charge {
	t.Helper()
	c, err := take(t, s, subject, at, n, meters...)
	require.NoError(t, err)
	return c
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
