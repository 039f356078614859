package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// lend returns leases over a Store. The end of the test gives them back.
func lend(t testing.TB, s *Store) *lease.Counter {
	t.Helper()
	c, err := lease.New(s, lease.Config{Timeout: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c
}

// TestLeasedQuota lets the leases of two Stores on one database share a quota.
func TestLeasedQuota(t *testing.T) {
	t.Parallel()
	const quota = 20_000
	dsn := servers.Database(t)
	first := open(t, dial(t, dsn))
	require.NoError(t, first.Migrate(t.Context()))
	day := window("day", quota)
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for _, s := range []*Store{first, open(t, dial(t, dsn))} {
		c := lend(t, s)
		for range 4 {
			wg.Go(func() {
				for refused := 0; refused < 100; {
					charge := store.NewCharge("key", 1, day)
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
}
