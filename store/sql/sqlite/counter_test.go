package sqlite_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
	"github.com/ration-go/ration/store/storetest"
)

// open returns a Store on a file, with the newest schema.
func open(t testing.TB, path string, cfg sqlite.Config) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(t.Context()))
	return s
}

// folder returns a temporary folder. It is in memory where the system has such a folder:
// the tests that use it check what is in the file and not how long the disk takes.
func folder(t testing.TB) string {
	const shared = "/dev/shm"
	if info, err := os.Stat(shared); err != nil || !info.IsDir() {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(shared, "ration-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// harness returns a harness of Stores with a file for each case. now is their clock, or
// nil for that of the machine.
func harness(cfg sqlite.Config, now func() time.Time) storetest.Harness {
	var path string
	var last *sqlite.Store
	again := func(t testing.TB) *sqlite.Store {
		s := open(t, path, cfg)
		if now != nil {
			s.SetClock(now)
		}
		return s
	}
	return storetest.Harness{
		New: func(t testing.TB) store.Counter {
			path = filepath.Join(folder(t), "ration.db")
			last = again(t)
			return last
		},
		Reopen: func(t testing.TB) store.Counter {
			require.NoError(t, last.Close())
			last = again(t)
			return last
		},
		Peer: func(t testing.TB) store.Counter { return again(t) },
	}
}

// TestCounter runs the suite on files, by a clock that the test moves and by that of the
// machine.
func TestCounter(t *testing.T) {
	t.Run("sync=full", func(t *testing.T) {
		t.Parallel()
		var now atomic.Int64 // Unix nanoseconds
		h := harness(sqlite.Config{}, func() time.Time { return time.Unix(0, now.Load()) })
		open := h.New
		h.New = func(t testing.TB) store.Counter {
			now.Store(time.Now().UnixNano())
			return open(t)
		}
		h.Advance = func(d time.Duration) { now.Add(int64(d)) }
		storetest.TestCounter(t, h)
	})
	t.Run("sync=normal", func(t *testing.T) {
		t.Parallel()
		h := harness(sqlite.Config{Sync: sqlite.Normal, Readers: 1}, nil)
		h.Slack = 2 * time.Second
		storetest.TestCounter(t, h)
	})
}
