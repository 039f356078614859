package postgres

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/store/sql/internal/directorytest"
)

// logs is a log that a test reads while it is written.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// hears waits until an ID is told.
func hears(t *testing.T, heard <-chan string, want string) {
	t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case id := <-heard:
			if id == want {
				return
			}
		case <-deadline:
			t.Fatalf("not told of %q", want)
		}
	}
}

// TestRunBroken cuts the connection of a Run. When the Run has subscribed again, it says
// that anything may have changed, and hears of later changes.
func TestRunBroken(t *testing.T) {
	t.Parallel()
	var log logs
	base := migrated(t)
	s, err := New(base.pool, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	running(t, s)
	heard := make(chan string, 100)
	defer s.OnChange(func(id string) { heard <- id })()
	for range 3 {
		hears(t, heard, "")
		require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "k"}))
		hears(t, heard, "k")
		execute(t, s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		require.Eventually(t, func() bool { return s.DeleteKey(context.Background(), "k") == nil }, 10*time.Second, 10*time.Millisecond)
	}
	hears(t, heard, "")
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "are heard again") }, 10*time.Second, 10*time.Millisecond)
	require.LessOrEqual(t, strings.Count(log.String(), "not heard"), 6, "each reason once, and not each attempt")
}

// TestRunUnmigrated has a database without tables. The reason is in the log and in the
// error of Run.
func TestRunUnmigrated(t *testing.T) {
	t.Parallel()
	var log logs
	s, err := New(dial(t, servers.Database(t)), Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "ration_keys") }, 10*time.Second, 10*time.Millisecond)
	require.True(t, s.ListenerState().Running)
	cancel()
	err = <-ended
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "ration_keys")
	require.False(t, s.ListenerState().Running)
	_, err = s.Key(t.Context(), "k")
	require.ErrorContains(t, err, "call Migrate")
}

// TestRunPooled has a PgBouncer in transaction mode. Run says that it hears nothing, and
// hears with a connection of its own.
func TestRunPooled(t *testing.T) {
	t.Parallel()
	direct := migrated(t)
	dsn := servers.Server(t).StartBouncer(t, direct.pool.Config().ConnConfig.Database)
	cfg, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)

	var log logs
	deaf, err := New(pool, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- deaf.Run(ctx) }()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "want a direct connection in Config.Listen") },
		20*time.Second, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, errPooled)

	s, err := New(pool, Config{Listen: direct.pool.Config().ConnConfig})
	require.NoError(t, err)
	running(t, s)
	heard := make(chan string, 1000)
	defer s.OnChange(func(id string) { heard <- id })()
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "pooled"}))
	hears(t, heard, "pooled")
	require.NoError(t, s.DeleteKey(t.Context(), "pooled"))
	directorytest.TestHostile(t, s)
}

// TestModes uses every way in which pgx sends statements. A pool through a PgBouncer may
// need one that prepares none.
func TestModes(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	modes := []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol}
	if longtest.Enabled() {
		modes = append(modes, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec)
	}
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			cfg := s.pool.Config()
			cfg.ConnConfig.DefaultQueryExecMode = mode
			pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
			require.NoError(t, err)
			defer pool.Close()
			other := forgotten(t, open(t, pool))
			directorytest.TestHostile(t, other)
			directorytest.TestNULs(t, other)
		})
	}
}

// TestRunIdle checks that a Run keeps its connection while nothing changes. It waits for
// two heartbeats.
func TestRunIdle(t *testing.T) {
	t.Parallel()
	var log logs
	s, err := New(migrated(t).pool, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	running(t, s)
	heard := make(chan string, 10)
	defer s.OnChange(func(id string) { heard <- id })()
	hears(t, heard, "")
	require.Never(t, func() bool { return log.String() != "" || len(heard) > 0 }, 2*heartbeat+heartbeat/2, 50*time.Millisecond)
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "k"}))
	hears(t, heard, "k")
}
