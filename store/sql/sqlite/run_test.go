package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/sql/sqlite"
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

// next returns the next ID that is told.
func next(t *testing.T, heard <-chan string) string {
	t.Helper()
	select {
	case id := <-heard:
		return id
	case <-time.After(10 * time.Second):
		t.Fatal("not told of a change")
		return ""
	}
}

// TestRunOwn checks that a Store tells of its own changes once, before they return, with
// and without a Run.
func TestRunOwn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s, other := openAndRun(t, path, sqlite.Config{}), open(t, path, sqlite.Config{})
	heard := make(chan string, 1000)
	defer s.OnChange(func(id string) { heard <- id })()
	require.Equal(t, "", next(t, heard))
	for i := range 20 {
		require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "own"}))
		require.Len(t, heard, 1, "before the change returns")
		require.Equal(t, "own", next(t, heard))
		if i%2 == 0 {
			require.NoError(t, other.InsertKey(t.Context(), apikey.Key{ID: "other"}))
			require.Equal(t, "other", next(t, heard))
			require.NoError(t, other.DeleteKey(t.Context(), "other"))
			require.Equal(t, "other", next(t, heard))
		}
		require.NoError(t, s.DeleteKey(t.Context(), "own"))
		require.Equal(t, "own", next(t, heard))
	}
	require.Empty(t, heard)
}

// TestRunBehind has a Run that has missed changes, because they were removed before it
// looked. It says that anything may have changed.
func TestRunBehind(t *testing.T) {
	t.Parallel()
	s, exec := handOpen(t)
	heard := make(chan string, 100)
	defer s.OnChange(func(id string) { heard <- id })()
	require.Equal(t, "", next(t, heard))
	require.NoError(t, exec("INSERT INTO ration_keys (id) VALUES ('a')"))
	require.Equal(t, "a", next(t, heard))
	require.NoError(t, exec("BEGIN; UPDATE sqlite_sequence SET seq = seq + 20000 WHERE name = 'ration_changes'; INSERT INTO ration_keys (id) VALUES ('b'); COMMIT"))
	require.Equal(t, "", next(t, heard))
	require.Equal(t, "b", next(t, heard))
}

// TestRunBound checks that the changes of a file do not grow without end.
func TestRunBound(t *testing.T) {
	t.Parallel()
	s, exec := handOpen(t)
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "a"}))
	require.NoError(t, exec("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 10100) INSERT INTO ration_changes (id) SELECT 'x' FROM n"))
	require.NoError(t, exec("CREATE TABLE counted AS SELECT count(*) AS n FROM ration_changes; CREATE TABLE checked (n INTEGER CHECK (n = 10000)); INSERT INTO checked SELECT n FROM counted"))
}

// TestRunUnmigrated has a file without tables, which another process makes later.
func TestRunUnmigrated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	var log logs
	s, err := sqlite.Open(path, sqlite.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Key(t.Context(), "k")
	require.ErrorContains(t, err, "call Migrate")
	require.ErrorContains(t, s.InsertKey(t.Context(), apikey.Key{ID: "k"}), "call Migrate")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "ration_changes") }, 10*time.Second, time.Millisecond)
	open(t, path, sqlite.Config{})
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "heard again") }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// TestRunClosed checks that Run ends when the Store is closed.
func TestRunClosed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s := open(t, path, sqlite.Config{})
	ended := make(chan error)
	go func() { ended <- s.Run(t.Context()) }()
	require.Eventually(t, func() bool { return s.ListenerState().Running }, 10*time.Second, time.Millisecond)
	require.NoError(t, s.Close())
	err := <-ended
	require.ErrorContains(t, err, "the store is closed")
	require.False(t, errors.Is(err, context.Canceled))
	_, err = s.Key(t.Context(), "k")
	require.ErrorContains(t, err, "closed")
	require.ErrorContains(t, s.InsertKey(t.Context(), apikey.Key{ID: "k"}), "closed")
}
