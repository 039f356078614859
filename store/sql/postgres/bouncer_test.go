package postgres

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
)

// TestThroughPgBouncer uses everything through a PgBouncer in transaction mode, which has
// fewer connections than the pool. RATION_MANY_ROUNDS has it check the whole contract.
func TestThroughPgBouncer(t *testing.T) {
	t.Parallel()
	direct := migrated(t)
	name := value[string](t, direct, "SELECT current_database()")
	dsn := servers.Server(t).StartBouncer(t, name)
	pool, err := pgxpool.New(t.Context(), dsn+"&pool_max_conns=16")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s, err := New(pool, Config{Calls: 16, BatchSize: 4})
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context()), "it does nothing")
	require.ErrorContains(t, s.Check(t.Context()), "fsync: off")

	quota, rate := window("quota", 1000), bucket(10, store.Rate{})
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Go(func() {
			for i := range 40 {
				c := &store.Charge{Parts: []store.Part{store.NewPart("@acme", 1, quota), store.NewPart(fmt.Sprint("@acme>", g), 1, quota)}}
				if i < 10 {
					c.Parts = append(c.Parts, store.NewPart(fmt.Sprint("@acme>rate ", g), 1, rate))
				}
				if err := s.Take(t.Context(), c); err != nil {
					t.Error(err)
				} else if c.OK {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, quota.Max, admitted.Load())
	levels := make([]store.Level, 1)
	require.NoError(t, s.Peek(t.Context(), time.Now(), []string{"@acme"}, []store.Meter{quota}, levels, nil))
	require.Equal(t, quota.Max, levels[0].Used)
	require.NoError(t, s.Take(t.Context(), &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "@acme>1"}, {Subject: "@blue>1"}}}))
	require.ErrorAs(t, s.Take(t.Context(), store.NewCharge("@acme>1", 1, quota)), new(*store.MovedError))
	_, err = s.Prune(t.Context())
	require.NoError(t, err)

	if os.Getenv("RATION_MANY_ROUNDS") != "" {
		storetest.TestCounter(t, storetest.Harness{
			New: func(t testing.TB) store.Counter {
				emptied(t, direct)
				return open(t, pool)
			},
			Peer:  func(t testing.TB) store.Counter { return direct },
			Slack: 2 * time.Second,
		})
	}
}
