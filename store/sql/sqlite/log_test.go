package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestLogBesideReaders writes while some reader is always in a transaction, each of them
// for a few milliseconds. The log does not grow without bound.
func TestLogBesideReaders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ration.db")
	s, err := sqlite.Open(path, sqlite.Config{Sync: sqlite.Normal})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Migrate(t.Context()))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- readOn(ctx, path) }()

	records := make([]store.Record, 200)
	var largest int64
	for range 150 {
		for i := range records {
			subject := fmt.Sprintf("%0500d", rand.IntN(20000))
			records[i] = store.Record{Subject: subject, States: []store.MeterState{{
				Name: "quota", IsWindow: true, End: 1, Until: rand.Int64N(1 << 40), State: store.State{Window: store.Window{Used: rand.Int64N(1 << 40)}},
			}}}
		}
		require.NoError(t, s.Restore(t.Context(), records))
		info, err := os.Stat(path + "-wal")
		require.NoError(t, err)
		largest = max(largest, info.Size())
	}
	cancel()
	require.NoError(t, <-ended)
	require.Less(t, largest, int64(100<<20))
}

// readOn reads in transactions, each of which begins before the one before it ends.
func readOn(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	each := time.NewTicker(2 * time.Millisecond)
	defer each.Stop()
	end := func() {}
	defer func() { end() }()
	for ctx.Err() == nil {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM ration_moves").Scan(&n); err != nil {
			return err
		}
		end()
		end = func() { _ = tx.Rollback() }
		<-each.C
	}
	return nil
}
