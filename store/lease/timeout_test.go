package lease_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
)

// silent is a Counter that answers nothing while hung is set.
type silent struct {
	store.Counter
	hung bool
}

func (s *silent) Take(ctx context.Context, c *store.Charge) error {
	if s.hung {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Counter.Take(ctx, c)
}

// TestTimeout checks that no charge waits longer than Config.Timeout, although its caller
// sets no deadline, since the Counter is store.Local. Only ctx bounds a report and an
// administrator's change.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &silent{Counter: memory.New(memory.Config{})}
		c, err := lease.New(inner, lease.Config{Timeout: 30 * time.Millisecond})
		require.NoError(t, err)
		require.True(t, store.IsLocal(c))
		day := store.Meter{Name: "day", Max: 100, Start: 0, End: 1 << 40, Keep: time.Hour}
		for range 5 {
			require.NoError(t, c.Take(t.Context(), store.NewCharge("hot", 1, day)))
			synctest.Wait()
		}

		inner.hung = true
		for name, call := range map[string]func() error{
			"a cold subject": func() error { return c.Take(t.Context(), store.NewCharge("cold", 1, day)) },
			"a hot subject":  func() error { return c.Take(t.Context(), store.NewCharge("hot", 50, day)) },
			"a read":         func() error { return c.Take(t.Context(), store.NewCharge("hot", 0, day)) },
			"a refund":       func() error { return c.Take(t.Context(), store.NewCharge("hot", -90, day)) },
		} {
			began := time.Now()
			require.ErrorIs(t, call(), context.DeadlineExceeded, name)
			require.Equal(t, 30*time.Millisecond, time.Since(began), name)
		}

		set := store.NewCharge("hot", 7, day)
		set.Op = store.SetRemaining
		for name, call := range map[string]func(ctx context.Context) error{
			"SetRemaining": func(ctx context.Context) error { return c.Take(ctx, set) },
			"Peek": func(ctx context.Context) error {
				return c.Peek(ctx, time.Time{}, []string{"hot"}, []store.Meter{day}, make([]store.Level, 1), nil)
			},
		} {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			require.ErrorIs(t, call(ctx), context.DeadlineExceeded, name)
			require.Equal(t, time.Minute, time.Since(began), name)
			cancel()
		}
		inner.hung = false
		require.NoError(t, c.Close(t.Context()))
	})
}

// TestNoTimer checks that a leased decision of a Limiter allocates nothing: so it makes
// no timer.
func TestNoTimer(t *testing.T) {
	c, err := lease.New(&silent{Counter: memory.New(memory.Config{})}, lease.Config{})
	require.NoError(t, err)
	lim, err := limiter.New(c, limiter.MustParse("1000000000/s burst 1000000000"), limiter.Config{})
	require.NoError(t, err)
	allow := func() {
		if res, err := lim.Allow(t.Context(), "hot"); err != nil || !res.Allowed {
			t.Error(res, err)
		}
	}
	for range 10_000 {
		allow()
	}
	require.Less(t, testing.AllocsPerRun(10_000, allow), 0.5)
	require.NoError(t, c.Close(t.Context()))
}
