package limiter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

func newLimiter(t testing.TB, l limiter.Limit) *limiter.Limiter {
	t.Helper()
	lim, err := limiter.New(memory.New(memory.Config{}), l, limiter.Config{})
	require.NoError(t, err)
	return lim
}

// counterFunc is a store.Counter that a test observes or breaks.
type counterFunc func(context.Context, *store.Charge) error

func (f counterFunc) Take(ctx context.Context, c *store.Charge) error { return f(ctx, c) }

// localCounter is a store.Counter that never waits.
type localCounter func(context.Context, *store.Charge) error

func (f localCounter) Take(ctx context.Context, c *store.Charge) error { return f(ctx, c) }
func (localCounter) Local() bool                                       { return true }

func TestNewFaults(t *testing.T) {
	_, err := limiter.New(nil, limiter.Limit{Rate: -1, Burst: 1}, limiter.Config{Name: strings.Repeat("x", store.MaxName+1), Timeout: -1})
	require.ErrorIs(t, err, limiter.ErrInvalid)
	for _, fault := range []string{"counter: nil", "name: 193 bytes: want at most 192", "rate: -1", "timeout: -1ns: want 0 or more"} {
		assert.ErrorContains(t, err, fault)
	}
}

// TestTimeout calls a Counter that waits for its ctx, which returns after the Timeout. A
// local Counter gets no deadline.
func TestTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			lim, err := limiter.New(counterFunc(func(ctx context.Context, _ *store.Charge) error {
				<-ctx.Done()
				return ctx.Err()
			}), limiter.PerSecond(1), limiter.Config{Timeout: timeout})
			require.NoError(t, err)
			began := time.Now()
			_, err = lim.Allow(t.Context(), "key")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, max(timeout, 100*time.Millisecond), time.Since(began))
		})
	}
	lim, err := limiter.New(localCounter(func(ctx context.Context, _ *store.Charge) error {
		_, ok := ctx.Deadline()
		require.False(t, ok)
		return nil
	}), limiter.PerSecond(1), limiter.Config{Timeout: time.Second})
	require.NoError(t, err)
	_, err = lim.Allow(t.Context(), "key")
	require.NoError(t, err)
}

func TestAllowN(t *testing.T) {
	const ms, never = time.Millisecond, store.Never
	for _, c := range []struct {
		name  string
		limit limiter.Limit
		steps []step
	}{
		{"ten a second, five at once", limiter.Limit{Rate: 10, Burst: 5}, []step{
			{0, 0, limiter.Result{true, 5, 5, 0, 0}},
			{0, 1, limiter.Result{true, 5, 4, 0, 100 * ms}},
			{0, 4, limiter.Result{true, 5, 0, 0, 500 * ms}},
			{0, 0, limiter.Result{true, 5, 0, 0, 500 * ms}},
			{0, 1, limiter.Result{false, 5, 0, 100 * ms, 500 * ms}},
			{0, 3, limiter.Result{false, 5, 0, 300 * ms, 500 * ms}},
			{40 * ms, 1, limiter.Result{false, 5, 0, 60 * ms, 460 * ms}},
			{100 * ms, 1, limiter.Result{true, 5, 0, 0, 500 * ms}},
			{90 * ms, 1, limiter.Result{false, 5, 0, 110 * ms, 510 * ms}}, // a clock that steps back adds no tokens
			{350 * ms, 1, limiter.Result{true, 5, 1, 0, 350 * ms}},
			{350 * ms, 6, limiter.Result{false, 5, 1, never, 350 * ms}},
			{time.Hour, 5, limiter.Result{true, 5, 0, 0, 500 * ms}},
		}},
		{"blocked", limiter.Limit{Burst: 5}, []step{
			{0, 0, limiter.Result{true, 0, 0, 0, 0}},
			{0, 1, limiter.Result{false, 0, 0, never, 0}},
			{time.Hour, 1, limiter.Result{false, 0, 0, never, 0}},
		}},
		{"unlimited", limiter.Limit{Rate: rate.Inf}, []step{
			{0, 0, limiter.Result{true, store.Unlimited, store.Unlimited, 0, 0}},
			{0, 1 << 60, limiter.Result{true, store.Unlimited, store.Unlimited, 0, 0}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lim, start := newLimiter(t, c.limit), time.Now()
			for i, s := range c.steps {
				r, err := lim.AllowN(t.Context(), "key", start.Add(s.after), s.n)
				require.NoError(t, err)
				require.Equal(t, s.want, r, "step %d: %d after %v", i, s.n, s.after)
			}
		})
	}
}

type step struct {
	after time.Duration
	n     int64
	want  limiter.Result
}

func TestKeysAndNamesAreApart(t *testing.T) {
	st := memory.New(memory.Config{})
	one, err := limiter.New(st, limiter.PerSecond(1), limiter.Config{Name: "one"})
	require.NoError(t, err)
	two, err := limiter.New(st, limiter.PerSecond(1), limiter.Config{Name: "two"})
	require.NoError(t, err)
	at := time.Now()
	for _, lim := range []*limiter.Limiter{one, two} {
		for _, key := range []string{"a", "b", "\x00", strings.Repeat("k", store.MaxSubject)} {
			r, err := lim.AllowN(t.Context(), key, at, 1)
			require.NoError(t, err)
			assert.True(t, r.Allowed, "the first of %.10q", key)
			r, err = lim.AllowN(t.Context(), key, at, 1)
			require.NoError(t, err)
			assert.False(t, r.Allowed, "the second of %.10q", key)
		}
	}
}

func TestBadCalls(t *testing.T) {
	for _, l := range []limiter.Limit{limiter.PerSecond(1), {}, {Rate: rate.Inf}} {
		lim := newLimiter(t, l)
		for key, n := range map[string]int64{"": 1, strings.Repeat("k", store.MaxSubject+1): 1, "key": -1} {
			r, err := lim.AllowN(t.Context(), key, time.Now(), n)
			assert.ErrorIs(t, err, limiter.ErrInvalid, "%v: %.10q, %d", l, key, n)
			assert.Zero(t, r)
		}
		_, err := lim.AllowN(t.Context(), "", time.Now(), -1)
		assert.ErrorContains(t, err, "key: 0 bytes: want 1 to 512")
		assert.ErrorContains(t, err, "n: -1: want 0 or more")
		_, err = lim.Peek(t.Context(), "")
		assert.ErrorIs(t, err, limiter.ErrInvalid)
		assert.ErrorIs(t, lim.WaitN(t.Context(), "key", -1), limiter.ErrInvalid)
	}
}

func TestPeekTakesNothing(t *testing.T) {
	lim := newLimiter(t, limiter.Limit{Rate: 1e-6, Burst: 2})
	for _, want := range []int64{2, 1, 0, 0} {
		for range 3 {
			r, err := lim.Peek(t.Context(), "key")
			require.NoError(t, err)
			assert.True(t, r.Allowed)
			assert.Equal(t, want, r.Remaining)
		}
		r, err := lim.Allow(t.Context(), "key")
		require.NoError(t, err)
		assert.Equal(t, want > 0, r.Allowed)
	}
}

func TestSetLimitKeepsTokens(t *testing.T) {
	lim, at := newLimiter(t, limiter.Limit{Rate: 1, Burst: 100}), time.Now()
	take := func(n int64) limiter.Result {
		t.Helper()
		r, err := lim.AllowN(t.Context(), "key", at, n)
		require.NoError(t, err)
		return r
	}
	take(70)
	require.NoError(t, lim.SetLimit(limiter.Limit{Rate: 5, Burst: 1000}))
	assert.Equal(t, limiter.Result{true, 1000, 30, 0, 194 * time.Second}, take(0), "a greater burst fills up over time")
	require.NoError(t, lim.SetLimit(limiter.Limit{Rate: 5, Burst: 10}))
	assert.Equal(t, limiter.Result{true, 10, 10, 0, 0}, take(0))
	require.ErrorIs(t, lim.SetLimit(limiter.Limit{Rate: 5, Burst: -1}), limiter.ErrInvalid)
	assert.Equal(t, limiter.Limit{Rate: 5, Burst: 10}, lim.Limit(), "the old limit stays")
	assert.Equal(t, int64(10), take(0).Limit)
	require.NoError(t, lim.SetLimit(limiter.Limit{}))
	assert.False(t, take(1).Allowed)
	require.NoError(t, lim.SetLimit(limiter.Limit{Rate: rate.Inf}))
	assert.True(t, take(1_000_000).Allowed)
}

func TestResultErr(t *testing.T) {
	assert.NoError(t, limiter.Result{Allowed: true}.Err())
	err := limiter.Result{RetryAfter: 1500 * time.Millisecond}.Err()
	refusal, ok := errors.AsType[*limiter.LimitError](err)
	require.True(t, ok)
	assert.Equal(t, 1500*time.Millisecond, refusal.RetryAfter)
	assert.EqualError(t, err, "limiter: refused: retry after 1.5s")
	assert.EqualError(t, limiter.Result{RetryAfter: store.Never}.Err(), "limiter: refused: can never be allowed: over the burst, or the limit is 0")
}

func TestCounterFails(t *testing.T) {
	broken := errors.New("broken")
	lim, err := limiter.New(counterFunc(func(_ context.Context, c *store.Charge) error {
		c.OK = true // must be ignored, since Take fails
		return broken
	}), limiter.PerSecond(1), limiter.Config{})
	require.NoError(t, err)
	r, err := lim.Allow(t.Context(), "key")
	assert.ErrorIs(t, err, broken)
	assert.Zero(t, r)
	assert.ErrorIs(t, lim.Wait(t.Context(), "key"), broken)
}

// TestCharge checks what the Counter is asked, and that a pooled Charge carries nothing
// over from an earlier call.
func TestCharge(t *testing.T) {
	var got []store.Charge
	var last *store.Charge
	lim, err := limiter.New(counterFunc(func(_ context.Context, c *store.Charge) error {
		asked := *c
		asked.Parts = []store.Part{c.Parts[0]} // the pool uses the part again
		asked.Parts[0].N, asked.Parts[0].Meters = slices.Clone(c.Parts[0].N), slices.Clone(c.Parts[0].Meters)
		got, last = append(got, asked), c
		c.OK, c.Parts[0].Levels[0] = true, store.Level{Max: 8, Used: 3}
		return nil
	}), limiter.Limit{Rate: 1, Burst: 8}, limiter.Config{Name: "calls"})
	require.NoError(t, err)
	at := time.Now()
	_, err = lim.AllowN(t.Context(), "a", at, 3)
	require.NoError(t, err)
	assert.Empty(t, last.Parts[0].Subject, "the pooled Charge must not keep the key")
	_, err = lim.Allow(t.Context(), "b")
	require.NoError(t, err)
	_, err = lim.Peek(t.Context(), "c")
	require.NoError(t, err)
	for i, want := range []struct {
		key string
		at  time.Time
		n   int64
	}{{"a", at, 3}, {"b", time.Time{}, 1}, {"c", time.Time{}, 0}} {
		c := got[i]
		assert.Equal(t, want.key, c.Parts[0].Subject)
		assert.Equal(t, want.at, c.At)
		assert.Equal(t, want.n, c.Parts[0].N[0])
		assert.False(t, c.OK, "OK starts false")
		assert.Equal(t, []store.Meter{{Name: "calls", Max: 8, Rate: store.Rate{Tokens: 1, Per: 1_000_000}}}, c.Parts[0].Meters)
	}
}

// TestConcurrent checks that many callers get no more than the burst while the limit
// changes.
func TestConcurrent(t *testing.T) {
	const callers, each, burst = 8, 200, 300
	lim := newLimiter(t, limiter.Limit{Rate: 1e-6, Burst: burst})
	var admitted sync.Map
	var callersDone sync.WaitGroup
	for caller := range callers {
		callersDone.Go(func() {
			n := 0
			for i := range each {
				r, err := lim.Allow(t.Context(), "key")
				if assert.NoError(t, err) && r.Allowed {
					n++
				}
				if i%50 == 0 {
					assert.NoError(t, lim.SetLimit(limiter.Limit{Rate: 1e-6 * rate.Limit(caller+1), Burst: burst}))
				}
			}
			admitted.Store(caller, n)
		})
	}
	callersDone.Wait()
	total := 0
	admitted.Range(func(_, n any) bool { total += n.(int); return true })
	assert.Equal(t, burst, total)
}
