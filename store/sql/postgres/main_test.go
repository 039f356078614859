package postgres

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/store"
)

var servers pgtest.Shared

// patient configures a Gate of a test that does not test timeouts. On a busy machine an
// answer of a server can take longer than the default Timeout, and the Gate then refuses.
var patient = gate.Config{Timeout: time.Minute, LookupTimeout: time.Minute}

// TestMain has tests wait beside one another: most of them wait for a server.
func TestMain(m *testing.M) {
	longtest.Parallel(6)
	code := m.Run()
	servers.Close()
	os.Exit(code)
}

// dial returns a pool for a database.
func dial(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	if cfg.MaxConns < 8 {
		cfg.MaxConns = 8
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// open returns a Store over a pool.
func open(t testing.TB, pool *pgxpool.Pool) *Store {
	t.Helper()
	s, err := New(pool, Config{})
	require.NoError(t, err)
	return s
}

// migrated returns a Store with a database of its own.
func migrated(t testing.TB) *Store {
	t.Helper()
	s := open(t, dial(t, servers.Database(t)))
	require.NoError(t, s.Migrate(t.Context()))
	return s
}

// emptied deletes all that was counted. It waits for the charges whose callers have left.
func emptied(t testing.TB, s *Store) *Store {
	t.Helper()
	execute(t, s, "LOCK TABLE ration_subjects; DELETE FROM ration_windows; DELETE FROM ration_buckets; DELETE FROM ration_subjects")
	return s
}

func execute(t testing.TB, s *Store, sql string, args ...any) {
	t.Helper()
	_, err := s.pool.Exec(t.Context(), sql, args...)
	require.NoError(t, err, sql)
}

// value returns the only value that a query has.
func value[T any](t testing.TB, s *Store, sql string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, s.pool.QueryRow(t.Context(), sql, args...).Scan(&v), sql)
	return v
}

// clock replaces the clock of a database by one that the test moves.
type clock struct {
	store *Store
	now   time.Time
}

func (c *clock) set(t testing.TB, now time.Time) {
	t.Helper()
	c.now = now
	execute(t, c.store, fmt.Sprintf("CREATE OR REPLACE FUNCTION ration_clock() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT %d::bigint'", now.UnixMicro()))
}

// bucket, window and record return meters.
func bucket(most int64, rate store.Rate) store.Meter {
	return store.Meter{Name: "rate", Max: most, Rate: rate}
}

func window(name string, most int64) store.Meter {
	start := time.Now().Truncate(24 * time.Hour).Unix()
	return store.Meter{Name: name, Max: most, Start: start, End: start + 24*60*60, Keep: 24 * time.Hour}
}
