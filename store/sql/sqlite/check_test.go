package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestCheck asks whether a file takes charges, from before its tables are made until
// after it was closed.
func TestCheck(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s, err := sqlite.Open(path, sqlite.Config{Busy: 20 * time.Millisecond})
	require.NoError(t, err)
	defer s.Close()
	require.ErrorContains(t, s.Check(t.Context()), "schema: version 0: want ")
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.Check(t.Context()))

	writer := other(t, path)
	run(t, writer, "BEGIN IMMEDIATE")
	require.ErrorContains(t, s.Check(t.Context()), "store/sqlite: check: ")
	run(t, writer, "ROLLBACK")
	require.NoError(t, s.Check(t.Context()))
	require.NoError(t, take(t, s, "key", 1, day))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, s.Check(ended))

	run(t, writer, "INSERT INTO ration_schema (version, name) VALUES (99, 'later')")
	require.ErrorContains(t, s.Check(t.Context()), "the file belongs to a newer release")
	require.NoError(t, s.Close())
	require.ErrorContains(t, s.Check(t.Context()), "the store is closed")
}
