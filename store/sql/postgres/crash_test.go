package postgres

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/store"
)

// crashes is how often TestCrashes kills the server.
func crashes() int {
	if os.Getenv("RATION_MANY_ROUNDS") != "" {
		return 50
	}
	return 3
}

// TestCrashes kills all processes of the server under load, again and again. No charge
// that was answered is lost, and no limit is exceeded. A charge whose answer did not come
// may have happened, and one with store.ErrNotTaken has not.
func TestCrashes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "fsync=on")
	s := open(t, dial(t, server.DSN("postgres")))
	require.NoError(t, s.Migrate(t.Context()))
	record := window("use", store.Unlimited)
	var answered, unknown int64
	for round := range crashes() {
		quota := store.Meter{Name: "quota", Max: 3000, Start: int64(round), End: 1 << 40}
		counts := load(t, s, quota, record, server)
		server.Restart(t)
		require.Positive(t, counts.answered.Load(), "round %d", round)

		levels := make([]store.Level, 2)
		require.Eventually(t, func() bool { // the pool has connections that were cut
			return s.Peek(t.Context(), time.Now(), []string{"key"}, []store.Meter{quota, record}, levels, nil) == nil
		}, 30*time.Second, 10*time.Millisecond)
		used, all := levels[0].Used, levels[1].Used
		least, most := counts.answered.Load(), counts.answered.Load()+counts.unknown.Load()
		require.True(t, least <= used && used <= min(most, quota.Max), "round %d: %d of the quota are used, want %d to %d", round, used, least, most)
		answered += least
		unknown += counts.unknown.Load()
		require.True(t, answered <= all && all <= answered+unknown, "round %d: %d are recorded, want %d to %d", round, all, answered, answered+unknown)
	}
	t.Logf("%d charges were answered, and %d have an unknown end", answered, unknown)
}

type counts struct{ answered, unknown, notTaken atomic.Int64 }

// load has callers charge a key until they have no quota any more, and kills the server
// meanwhile. It returns when all callers have seen that.
func load(t *testing.T, s *Store, quota, record store.Meter, server *pgtest.Server) *counts {
	var c counts
	var wg sync.WaitGroup
	under := make(chan struct{})
	var once sync.Once
	for range 32 {
		wg.Go(func() {
			for {
				charge := store.NewCharge("key", 1, quota, record)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				err := s.Take(ctx, charge)
				cancel()
				switch {
				case err == nil && charge.OK:
					if c.answered.Add(1) == 200 {
						once.Do(func() { close(under) })
					}
				case err == nil:
					once.Do(func() { close(under) })
					return
				case errors.Is(err, store.ErrNotTaken):
					c.notTaken.Add(1)
					return
				default:
					c.unknown.Add(1)
					return
				}
			}
		})
	}
	<-under
	server.Kill()
	wg.Wait()
	return &c
}
