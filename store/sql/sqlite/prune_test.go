package sqlite_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestPrune removes what no charge needs, and nothing else.
func TestPrune(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s := open(t, path, sqlite.Config{})
	now := time.Now()
	window := func(name string, ends, keep time.Duration) store.Meter {
		end := now.Add(ends).Unix()
		return store.Meter{Name: name, Max: 9, Start: end - 60, End: end, Keep: keep}
	}
	bucket := func(name string, rate store.Rate) store.Meter { return store.Meter{Name: name, Max: 9, Rate: rate} }
	slow, idle := bucket("slow", store.Rate{Tokens: 1, Per: 7_200_000_000}), bucket("idle", store.Rate{})

	for _, test := range []struct {
		meter store.Meter
		at    time.Time // of the charge
		stays bool
	}{
		{window("current", time.Minute, 0), now, true},
		{window("kept", -time.Hour, 2*time.Hour), now, true},
		{window("kept to the second", -time.Hour, time.Hour+30*time.Second), now, true},
		{window("kept for good", -time.Hour, math.MaxInt64), now, true},
		{window("over", -time.Minute, 0), now, false},
		{window("kept and over", -time.Hour, 30*time.Minute), now, false},
		{slow, now, true},
		{idle, now.Add(-1000 * time.Hour), true},
	} {
		subject := fmt.Sprint(test.meter.Name, test.at)
		c := store.NewCharge(subject, 2, test.meter)
		c.At = test.at
		require.NoError(t, s.Take(t.Context(), c))
		removed, err := s.Prune(t.Context())
		require.NoError(t, err)
		require.Equal(t, !test.stays, removed == 1, "%s", subject)

		c.Parts[0].N[0] = 0
		require.NoError(t, s.Take(t.Context(), c))
		require.Equal(t, test.stays, c.Parts[0].Levels[0].Used == 2, "%s", subject)
	}
}

// TestPruneBuckets removes buckets once they are full.
func TestPruneBuckets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, filepath.Join(folder(t), "ration.db"), sqlite.Config{})
		minutes := store.Meter{Name: "rate", Max: 180, Rate: store.Rate{Tokens: 1, Per: 60_000_000}}
		never := store.Meter{Name: "id", Max: 1}
		require.NoError(t, take(t, s, "key", 180, minutes))
		require.NoError(t, take(t, s, "id", 1, never))
		for hour, want := range []int{0, 0, 0, 0, 1, 0} { // full after three hours, rounded up
			removed, err := s.Prune(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, removed, "after %d hours", hour)
			time.Sleep(time.Hour + time.Minute)
		}
		require.Equal(t, int64(1), used(t, s, "id", never))
	})
}

// TestPruneMoves opens subjects again that were closed for long enough.
func TestPruneMoves(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s := open(t, path, sqlite.Config{})
	for _, from := range []string{"a", "b"} {
		move := &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: from}, {Subject: "acme>" + from}}}
		require.NoError(t, s.Take(t.Context(), move))
	}
	removed, err := s.Prune(t.Context())
	require.NoError(t, err)
	require.Zero(t, removed)
	run(t, other(t, path), "UPDATE ration_moves SET closed_until = 1 WHERE subject = CAST('a' AS BLOB)")
	removed, err = s.Prune(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	require.NoError(t, take(t, s, "a", 1, day))
	var moved *store.MovedError
	require.ErrorAs(t, take(t, s, "b", 1, day), &moved)
}

// TestPruneMany removes more rows than one transaction does, and stops when ctx is done.
func TestPruneMany(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(folder(t), "ration.db"), sqlite.Config{})
	const rows = 2*sqlite.PruneRows + 7
	for i := range rows / 16 {
		meters := make([]store.Meter, 16)
		for j := range meters {
			meters[j] = store.Meter{Name: fmt.Sprint(j), Max: 9, Start: 1, End: 2}
		}
		require.NoError(t, take(t, s, fmt.Sprint(i), 1, meters...))
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	removed, err := s.Prune(done)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, removed)
	removed, err = s.Prune(t.Context())
	require.NoError(t, err)
	require.Equal(t, rows/16*16, removed)
	removed, err = s.Prune(t.Context())
	require.NoError(t, err)
	require.Zero(t, removed)
}
