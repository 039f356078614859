package limiter_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim, start := newLimiter(t, limiter.Limit{Rate: 10, Burst: 3}), time.Now()
		for i, want := range []time.Duration{0, 0, 0, 100, 200, 300} {
			require.NoError(t, lim.Wait(t.Context(), "key"))
			assert.Equal(t, want*time.Millisecond, time.Since(start), "wait %d", i)
		}
		require.NoError(t, lim.WaitN(t.Context(), "key", 3))
		assert.Equal(t, 600*time.Millisecond, time.Since(start))
		require.NoError(t, lim.WaitN(t.Context(), "key", 0))
		assert.Equal(t, 600*time.Millisecond, time.Since(start), "no tokens are there at once")
	})
}

// TestWaitRefuses gets errors at once, and nothing is taken.
func TestWaitRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		lim := newLimiter(t, limiter.Limit{Rate: 10, Burst: 3})
		refusal, ok := errors.AsType[*limiter.LimitError](lim.WaitN(t.Context(), "key", 4))
		require.True(t, ok, "more than the burst")
		assert.Equal(t, store.Never, refusal.RetryAfter)

		blocked := newLimiter(t, limiter.Limit{})
		refusal, ok = errors.AsType[*limiter.LimitError](blocked.Wait(t.Context(), "key"))
		require.True(t, ok)
		assert.Equal(t, store.Never, refusal.RetryAfter)

		require.NoError(t, lim.WaitN(t.Context(), "key", 3))
		ctx, cancel := context.WithTimeout(t.Context(), 199*time.Millisecond)
		defer cancel()
		err := lim.WaitN(ctx, "key", 2)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		refusal, ok = errors.AsType[*limiter.LimitError](err)
		require.True(t, ok)
		assert.Equal(t, 200*time.Millisecond, refusal.RetryAfter)
		assert.Zero(t, time.Since(start))

		require.NoError(t, lim.Wait(ctx, "key"), "one token is there before the deadline")
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
	})
}

func TestWaitCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim, start := newLimiter(t, limiter.Limit{Rate: 1, Burst: 1}), time.Now()
		require.NoError(t, lim.Wait(t.Context(), "key"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		assert.ErrorIs(t, lim.Wait(ctx, "key"), context.Canceled)
		assert.Equal(t, 300*time.Millisecond, time.Since(start))
		assert.ErrorIs(t, lim.Wait(ctx, "key"), context.Canceled)
		require.NoError(t, lim.Wait(t.Context(), "key"))
		assert.Equal(t, time.Second, time.Since(start), "a cancelled Wait takes nothing")
	})
}

// TestWaitDone takes nothing for a ctx that is done, even without a limit.
func TestWaitDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, newLimiter(t, limiter.Limit{Rate: rate.Inf}).Wait(ctx, "key"), context.Canceled)
}

func TestSetLimitWakesWaiters(t *testing.T) {
	for name, c := range map[string]struct {
		limit limiter.Limit
		fails bool
	}{
		"faster":    {limiter.Limit{Rate: 10, Burst: 1}, false},
		"unlimited": {limiter.Limit{Rate: rate.Inf}, false},
		"blocked":   {limiter.Limit{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lim, start := newLimiter(t, limiter.Limit{Rate: 1e-5, Burst: 1}), time.Now()
				require.NoError(t, lim.Wait(t.Context(), "key"))
				time.AfterFunc(time.Hour, func() { assert.NoError(t, lim.SetLimit(c.limit)) })
				err := lim.Wait(t.Context(), "key")
				assert.Equal(t, c.fails, err != nil)
				assert.Equal(t, time.Hour, time.Since(start))
			})
		})
	}
}

// TestWaitTogether has many waiters for one key. All of them get a token, one at a time.
func TestWaitTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waiters = 20
		lim, start := newLimiter(t, limiter.Limit{Rate: 100, Burst: 1}), time.Now()
		for range waiters {
			go func() { assert.NoError(t, lim.Wait(t.Context(), "key")) }()
		}
		require.NoError(t, lim.Wait(t.Context(), "another"))
		assert.Zero(t, time.Since(start))
		time.Sleep((waiters - 1) * 10 * time.Millisecond)
		synctest.Wait()
		r, err := lim.Peek(t.Context(), "key")
		require.NoError(t, err)
		assert.Zero(t, r.Remaining)
		time.Sleep(10 * time.Millisecond)
		r, err = lim.Peek(t.Context(), "key")
		require.NoError(t, err)
		assert.Equal(t, int64(1), r.Remaining, "no waiter is left to take it")
	})
}

// TestWaitNeverSpins has a Counter that refuses and names no wait. WaitN calls it again
// after a pause, not in a loop.
func TestWaitNeverSpins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		lim, err := limiter.New(counterFunc(func(_ context.Context, c *store.Charge) error {
			asked++
			c.Parts[0].Levels[0] = store.Level{}
			return nil
		}), limiter.PerSecond(1), limiter.Config{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, lim.Wait(ctx, "key"), context.DeadlineExceeded)
		assert.LessOrEqual(t, asked, 10_001, "ten thousand pauses of 100 µs")
	})
}
