package lease_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/store/storetest"
)

// newCounter returns a Counter over inner. The end of the test closes it.
func newCounter(t testing.TB, inner store.Counter, cfg lease.Config) *lease.Counter {
	t.Helper()
	c, err := lease.New(inner, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c
}

// plain hides everything of a Counter but Take, as a Counter for another database may
// have it.
type plain struct{ store.Counter }

// Local implements store.Local.
func (plain) Local() bool { return true }

// harness returns a harness of Counters over those that open returns, and of Counters
// that are closed and opened again over the same one. If eager is set, every subject has
// leases from its first charge on.
func harness(open func(t testing.TB) store.Counter, kind string) storetest.Harness {
	var inner store.Counter
	var last *lease.Counter
	lend := func(t testing.TB) store.Counter {
		cfg := lease.Config{Timeout: time.Minute}
		if kind == "restless" {
			cfg.Block, cfg.Life = time.Millisecond, 4*time.Millisecond
		}
		if last = newCounter(t, inner, cfg); kind != "hot" {
			last.Eager()
		}
		return last
	}
	return storetest.Harness{
		New: func(t testing.TB) store.Counter {
			inner = open(t)
			return lend(t)
		},
		Reopen: func(t testing.TB) store.Counter {
			require.NoError(t, last.Close(t.Context()))
			return lend(t)
		},
		Leases: true,
	}
}

// TestCounter checks the contract over a store in memory, over a Counter that has only
// Take, and over Redis.
func TestCounter(t *testing.T) {
	for _, kind := range []string{"hot", "eager", "restless"} {
		if testing.Short() && kind != "eager" {
			continue
		}
		t.Run("inner=memory/"+kind, func(t *testing.T) {
			h := harness(func(testing.TB) store.Counter { return memory.New(memory.Config{}) }, kind)
			h.Bubble = synctest.Test
			storetest.TestCounter(t, h)
		})
		t.Run("inner=plain/"+kind, func(t *testing.T) {
			h := harness(func(testing.TB) store.Counter { return plain{memory.New(memory.Config{})} }, kind)
			h.Bubble = synctest.Test
			storetest.TestCounter(t, h)
		})
		t.Run("inner=redis/"+kind, func(t *testing.T) {
			t.Parallel()
			client := dial(t, redistest.Start(t))
			h := harness(func(t testing.TB) store.Counter {
				require.NoError(t, client.Do(t.Context(), client.B().Flushall().Build()).Error())
				s, err := redis.New(client, redis.Config{})
				require.NoError(t, err)
				return s
			}, kind)
			h.Slack = 2 * time.Second
			storetest.TestCounter(t, h)
		})
	}
}

func dial(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}
