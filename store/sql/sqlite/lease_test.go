package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/sql/sqlite"
	"github.com/ration-go/ration/store/storetest"
)

// lend returns leases over a Store. The end of the test gives them back.
func lend(t testing.TB, s *sqlite.Store) *lease.Counter {
	t.Helper()
	c, err := lease.New(s, lease.Config{Timeout: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c
}

// TestLeases runs the suite on leases over files. It waits for many rounds: a busy
// machine made it fail once.
func TestLeases(t *testing.T) {
	if os.Getenv(manyRounds) == "" {
		t.Skip("set " + manyRounds + "=1 to run it")
	}
	t.Parallel()
	var path string
	var lent *lease.Counter
	var last *sqlite.Store
	storetest.TestCounter(t, storetest.Harness{
		New: func(t testing.TB) store.Counter {
			path = filepath.Join(folder(t), "ration.db")
			last = open(t, path, sqlite.Config{})
			lent = lend(t, last)
			return lent
		},
		Reopen: func(t testing.TB) store.Counter {
			require.NoError(t, lent.Close(t.Context()))
			require.NoError(t, last.Close())
			last = open(t, path, sqlite.Config{})
			lent = lend(t, last)
			return lent
		},
		Slack:  2 * time.Second,
		Leases: true,
	})
}

// TestLeasedQuota lets the leases of two Stores on one file share a quota.
func TestLeasedQuota(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	const quota = 20_000
	m := store.Meter{Name: "day", Max: quota, Start: 1, End: time.Now().Unix() + 86400}
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		c := lend(t, open(t, path, sqlite.Config{}))
		for range 4 {
			wg.Go(func() {
				for refused := 0; refused < 100; {
					charge := store.NewCharge("key", 1, m)
					charge.At = time.Now()
					if err := c.Take(t.Context(), charge); err != nil {
						t.Error(err)
						return
					}
					if charge.OK {
						admitted.Add(1)
					} else {
						refused++
					}
				}
			})
		}
	}
	wg.Wait()
	require.LessOrEqual(t, admitted.Load(), int64(quota))
	require.Greater(t, admitted.Load(), int64(quota*9/10), "leases keep too much back")
	t.Logf("%d of %d were admitted", admitted.Load(), quota)
}
