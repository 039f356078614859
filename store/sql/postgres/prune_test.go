package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestPrune reads like a timeline: what is of no use goes, an hour after the fact.
func TestPrune(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	clock := clock{store: s}
	begin := time.Now().Add(-100 * 24 * time.Hour).Truncate(time.Hour) // Prune goes by the earlier clock
	clock.set(t, begin)
	at := func() time.Time { return clock.now }
	left := func() string {
		return value[string](t, s, `SELECT concat_ws(' ', (SELECT count(*) FROM ration_subjects), (SELECT count(*) FROM ration_buckets), (SELECT count(*) FROM ration_windows))`)
	}
	take := func(subject string, m ...store.Meter) {
		t.Helper()
		c := store.NewCharge(subject, 1, m...)
		c.At = at()
		require.NoError(t, s.Take(t.Context(), c))
		require.True(t, c.OK)
	}
	prune := func(want int64) {
		t.Helper()
		rows, err := s.Prune(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, rows)
	}

	hour := store.Meter{Name: "quota", Max: 10, Start: begin.Unix(), End: begin.Unix() + 3600, Keep: 24 * time.Hour}
	rate := bucket(10, store.Rate{Tokens: 1, Per: 1_000_000})
	never := store.Meter{Name: "id", Max: 1, Rare: true}
	take("a", hour, rate)
	take("b", rate)
	take("c", rate, never)
	for i := range 2 * pruneSize {
		take("crowd", store.Meter{Name: fmt.Sprint("id ", i), Max: 1, Rate: store.Rate{Tokens: 1, Per: 60_000_000}, Rare: true})
	}
	require.NoError(t, s.Take(t.Context(), &store.Charge{Op: store.Move, At: at(), Parts: []store.Part{{Subject: "old"}, {Subject: "new"}}}))
	take("new", hour)
	require.Equal(t, fmt.Sprint("6 ", 4+2*pruneSize, " 2"), left())
	prune(0)

	clock.set(t, begin.Add(3*time.Hour)) // all buckets are full that refill
	prune(3 + 2*pruneSize + 2)
	require.Equal(t, "4 1 2", left(), "a, c, new, old")
	prune(0)

	clock.set(t, begin.Add(25*time.Hour+30*time.Minute)) // the windows are kept an hour more
	prune(0)
	clock.set(t, begin.Add(26*time.Hour+time.Second))
	prune(2 + 2)
	require.Equal(t, "2 1 0", left(), "c, old")

	clock.set(t, begin.Add(store.ClosedFor+time.Hour))
	prune(0)
	clock.set(t, begin.Add(store.ClosedFor+2*time.Hour))
	prune(1)
	require.Equal(t, "1 1 0", left(), "c has an ID that nothing refills")
	take("old", store.Meter{Name: "quota", Max: 1})

	done, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Prune(done)
	require.ErrorIs(t, err, context.Canceled)
}

// TestPruneBesideCharges prunes while buckets are charged that are full again at once. No
// charge is lost, and nothing deadlocks.
func TestPruneBesideCharges(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	clock := clock{store: s}
	clock.set(t, time.Now().Add(-48*time.Hour))
	record := store.Meter{Name: "use", Max: store.Unlimited, Start: 0, End: 1, Keep: 0} // over long ago
	ids := func(i int) store.Meter {
		return store.Meter{Name: fmt.Sprint("id ", i), Max: 1, Rate: store.Rate{Tokens: 1, Per: 1}}
	}
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if _, err := s.Prune(context.Background()); err != nil {
				ended <- err
				return
			}
		}
	}()
	keep := store.Meter{Name: "kept", Max: store.Unlimited, Start: 0, End: 1 << 40}
	for i := range 200 {
		c := &store.Charge{Parts: []store.Part{store.NewPart("a", 1, keep, record, ids(i)), store.NewPart("b", 1, keep, record)}}
		require.NoError(t, s.Take(t.Context(), c))
		require.EqualValues(t, i+1, c.Parts[0].Levels[0].Used)
		require.EqualValues(t, i+1, c.Parts[1].Levels[0].Used)
	}
	close(stop)
	require.NoError(t, <-ended)
}

// TestPruneMovedWithoutState moves a subject that has no state. Nothing is left of both
// subjects when the first may open again.
func TestPruneMovedWithoutState(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	c := &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "from"}, {Subject: "to"}}}
	require.NoError(t, s.Take(t.Context(), c))
	require.True(t, c.OK)
	execute(t, s, "UPDATE ration_subjects SET closed_until = 0 WHERE closed_until IS NOT NULL")
	_, err := s.Prune(t.Context())
	require.NoError(t, err)
	require.Zero(t, value[int](t, s, "SELECT count(*)::int FROM ration_subjects"))
}
