package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestStats has another program keep the file locked. One batch is in flight then, and
// the other charges wait.
func TestStats(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s := open(t, path, sqlite.Config{Busy: time.Hour})
	require.NoError(t, take(t, s, "key", 1, day))
	require.Eventually(t, func() bool { return s.Stats() == sqlite.Stats{} }, 10*time.Second, time.Millisecond)
	db := other(t, path)
	run(t, db, "BEGIN IMMEDIATE")

	const callers = 300 // more than a batch has
	ended := make(chan error, callers)
	for range callers {
		go func() { ended <- s.Take(t.Context(), store.NewCharge("key", 1, day)) }()
	}
	require.Eventually(t, func() bool { return s.Stats().Batches == 1 && s.Stats().Waiting > 0 }, 10*time.Second, time.Millisecond)
	run(t, db, "ROLLBACK")
	for range callers {
		require.NoError(t, <-ended)
	}
	require.Eventually(t, func() bool { return s.Stats() == sqlite.Stats{} }, 10*time.Second, time.Millisecond)
}
