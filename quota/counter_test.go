package quota_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

func newCounter(t *testing.T, q string, cfg quota.Config) *quota.Counter {
	t.Helper()
	c, err := quota.New(memory.New(memory.Config{}), quota.MustParse(q), cfg)
	require.NoError(t, err)
	return c
}

// TestUse charges a quota of three units a day, in a bubble that begins on 1 January 2000
// at midnight UTC.
func TestUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, "3/day", quota.Config{})
		for _, step := range []struct {
			after     time.Duration
			key       string
			n         int64
			allowed   bool
			remaining int64
			retry     time.Duration
		}{
			{0, "ann", 0, true, 3, 0},
			{0, "ann", 2, true, 1, 0},
			{6 * time.Hour, "ann", 2, false, 1, 18 * time.Hour},
			{0, "ann", 4, false, 1, store.Never},
			{0, "bob", 3, true, 0, 0},
			{0, "ann", 1, true, 0, 0},
			{18*time.Hour - time.Microsecond, "ann", 1, false, 0, time.Microsecond},
			{time.Microsecond, "ann", 3, true, 0, 0},
		} {
			time.Sleep(step.after)
			r, err := c.Use(t.Context(), step.key, step.n)
			require.NoError(t, err)
			assert.Equal(t, step.allowed, r.Allowed, "%+v", step)
			assert.Equal(t, step.remaining, r.Remaining, "%+v", step)
			assert.Equal(t, step.retry, r.RetryAfter, "%+v", step)
			assert.EqualValues(t, 3, r.Limit)
			assert.Equal(t, 24*time.Hour, r.End.Sub(r.Start))
			left, err := c.Remaining(t.Context(), step.key)
			require.NoError(t, err)
			assert.Equal(t, step.remaining, left, "a read takes nothing")
		}
		days, err := c.Usage(t.Context(), "ann", 2)
		require.NoError(t, err)
		assert.Equal(t, []int64{3, 3}, used(days))
	})
}

// TestCounterRefund refunds into the window that was charged, whatever has begun since.
func TestCounterRefund(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, "3/day", quota.Config{})
		monday, err := c.Use(t.Context(), "ann", 2)
		require.NoError(t, err)
		refused, err := c.Use(t.Context(), "ann", 2)
		require.NoError(t, err)
		require.False(t, refused.Allowed)
		require.NoError(t, c.Refund(t.Context(), "ann", refused))
		require.NoError(t, c.Refund(t.Context(), "ann", quota.Result{}))
		days, err := c.Usage(t.Context(), "ann", 1)
		require.NoError(t, err)
		assert.Equal(t, []int64{2}, used(days), "a refusal gives nothing back")

		time.Sleep(23 * time.Hour)
		time.Sleep(2 * time.Hour)
		_, err = c.Use(t.Context(), "ann", 1)
		require.NoError(t, err)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, c.Refund(gone, "ann", monday), "the request may be over")
		days, err = c.Usage(t.Context(), "ann", 2)
		require.NoError(t, err)
		assert.Equal(t, []int64{0, 1}, used(days))
		require.ErrorIs(t, c.Refund(t.Context(), "", monday), quota.ErrInvalid)
	})
}

// TestSoftCounter charges a soft quota of three units a day. It allows everything and
// tells what a hard quota would have refused. The hard quota that replaces it finds what
// was used.
func TestSoftCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(memory.Config{})
		soft, err := quota.New(st, quota.MustParse("3/day soft"), quota.Config{})
		require.NoError(t, err)
		hard, err := quota.New(st, quota.MustParse("3/day"), quota.Config{})
		require.NoError(t, err)
		var last quota.Result
		for _, step := range []struct {
			after     time.Duration
			counter   *quota.Counter
			n         int64
			allowed   bool
			used      int64 // of the day
			remaining int64
			retry     time.Duration
		}{
			{0, soft, 2, true, 2, 1, 0},
			{6 * time.Hour, soft, 2, true, 4, 0, 18 * time.Hour},
			{0, soft, 0, true, 4, 0, 0},
			{0, soft, 4, true, 8, 0, store.Never},
			{0, hard, 0, true, 8, 0, 0},
			{0, hard, 1, false, 8, 0, 18 * time.Hour},
			{0, soft, 1, true, 9, 0, 18 * time.Hour},
			{18 * time.Hour, soft, 3, true, 3, 0, 0},
			{0, hard, 1, false, 3, 0, 24 * time.Hour},
			{0, soft, 1, true, 4, 0, 24 * time.Hour},
		} {
			time.Sleep(step.after)
			r, err := step.counter.Use(t.Context(), "ann", step.n)
			require.NoError(t, err)
			assert.Equal(t, step.allowed, r.Allowed, "%+v", step)
			assert.Equal(t, step.remaining, r.Remaining, "%+v", step)
			assert.Equal(t, step.retry, r.RetryAfter, "%+v", step)
			days, err := step.counter.Usage(t.Context(), "ann", 1)
			require.NoError(t, err)
			assert.Equal(t, []int64{step.used}, used(days), "%+v", step)
			last = r
		}

		// A refund gives back units above the limit.
		require.NoError(t, soft.Refund(t.Context(), "ann", last))
		days, err := hard.Usage(t.Context(), "ann", 2)
		require.NoError(t, err)
		assert.Equal(t, []int64{9, 3}, used(days))
	})
}

// TestUseAtOnce admits exactly the limit, from however many goroutines.
func TestUseAtOnce(t *testing.T) {
	c := newCounter(t, "1000/year", quota.Config{})
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				r, err := c.Use(t.Context(), "ann", 1)
				assert.NoError(t, err)
				if r.Allowed {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1000, admitted.Load())
}

// TestCounterBesideLimiter counts a quota and a limit of one key in one store, each for
// itself.
func TestCounterBesideLimiter(t *testing.T) {
	st := memory.New(memory.Config{})
	c, err := quota.New(st, quota.MustParse("5/day as rate"), quota.Config{})
	require.NoError(t, err)
	l, err := limiter.New(st, limiter.MustParse("2/d"), limiter.Config{})
	require.NoError(t, err)
	_, err = c.Use(t.Context(), "ann", 4)
	require.NoError(t, err)
	r, err := l.AllowN(t.Context(), "ann", time.Time{}, 2)
	require.NoError(t, err)
	assert.True(t, r.Allowed)
	left, err := c.Remaining(t.Context(), "ann")
	require.NoError(t, err)
	assert.EqualValues(t, 1, left)
}

// charges records the meters of each charge.
type charges struct {
	store.Counter
	meters []store.Meter
}

func (c *charges) Take(ctx context.Context, charge *store.Charge) error {
	c.meters = append(c.meters, charge.Parts[0].Meters...)
	return c.Counter.Take(ctx, charge)
}

// TestCounterKeep keeps a window for a day at least, as clocks may differ, and at most
// MaxWindows windows, since each takes room in the store.
func TestCounterKeep(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		quota      string
		keep, want time.Duration
	}{
		{"1/day", 0, day},
		{"1/day", time.Minute, day},
		{"1/day", 90 * day, 90 * day},
		{"1/hour", 90 * day, quota.MaxWindows * time.Hour},
		{"1/minute", 0, quota.MaxWindows * time.Minute},
	} {
		st := &charges{Counter: memory.New(memory.Config{})}
		counter, err := quota.New(st, quota.MustParse(c.quota), quota.Config{Keep: c.keep})
		require.NoError(t, err)
		r, err := counter.Use(t.Context(), "ann", 1)
		require.NoError(t, err)
		require.NoError(t, counter.Refund(t.Context(), "ann", r))
		require.Len(t, st.meters, 2)
		for _, m := range st.meters {
			assert.Equal(t, c.want, m.Keep, "%s for %v", c.quota, c.keep)
		}
	}
}

// TestResultIsInTheZone gives the bounds of a window in the quota's zone.
func TestResultIsInTheZone(t *testing.T) {
	for q, want := range map[string]*time.Location{"1/day": time.UTC, "1/day in Asia/Tokyo": zone(t, "Asia/Tokyo")} {
		r, err := newCounter(t, q, quota.Config{}).Use(t.Context(), "ann", 1)
		require.NoError(t, err)
		assert.Equal(t, want.String(), r.Start.Location().String())
		assert.Equal(t, want.String(), r.End.Location().String())
		assert.Equal(t, 0, r.Start.Hour())
	}
}

// TestCounterOfNil refuses a nil pointer in the interface.
func TestCounterOfNil(t *testing.T) {
	_, err := quota.New((*memory.Store)(nil), quota.MustParse("1/day"), quota.Config{})
	require.ErrorIs(t, err, quota.ErrInvalid)
	require.EqualError(t, err, "quota: invalid config: counter: nil *memory.Store: want a store.Counter")
}

// slow waits for its caller's deadline.
type slow struct{}

func (slow) Take(ctx context.Context, _ *store.Charge) error {
	<-ctx.Done()
	return errors.Join(ctx.Err(), store.ErrNotTaken)
}

func TestCounterTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct{ timeout, want time.Duration }{{0, 100 * time.Millisecond}, {time.Second, time.Second}} {
			counter, err := quota.New(slow{}, quota.MustParse("1/day"), quota.Config{Timeout: c.timeout})
			require.NoError(t, err)
			began := time.Now()
			r, err := counter.Use(t.Context(), "ann", 1)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, err, store.ErrNotTaken)
			assert.Equal(t, c.want, time.Since(began))
			assert.Zero(t, r)
			_, err = counter.Usage(t.Context(), "ann", 1)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	})
}

func TestCounterFaults(t *testing.T) {
	for _, c := range []struct {
		q    quota.Quota
		cfg  quota.Config
		nil  bool
		want []string
	}{
		{quota.Quota{}, quota.Config{}, true, []string{"counter: nil: want a store.Counter", "quota.period: 0"}},
		{quota.MustParse("1/day"), quota.Config{Keep: -1, Timeout: -2}, false, []string{"keep: -1ns", "timeout: -2ns"}},
	} {
		var st store.Counter
		if !c.nil {
			st = memory.New(memory.Config{})
		}
		_, err := quota.New(st, c.q, c.cfg)
		require.ErrorIs(t, err, quota.ErrInvalid)
		for _, want := range c.want {
			assert.ErrorContains(t, err, want)
		}
	}
	c := newCounter(t, "1/day", quota.Config{})
	assert.Equal(t, quota.MustParse("1/day"), c.Quota())
	for _, call := range []struct {
		key  string
		n    int64
		want string
	}{
		{"", 1, "key: 0 bytes: want 1 to 512"},
		{strings.Repeat("k", 513), -1, "n: -1: want 0 or more"},
	} {
		_, err := c.Use(t.Context(), call.key, call.n)
		require.ErrorIs(t, err, quota.ErrInvalid)
		assert.ErrorContains(t, err, call.want)
	}
	_, err := c.Usage(t.Context(), "ann", 0)
	require.ErrorIs(t, err, quota.ErrInvalid)
	assert.Panics(t, func() { quota.MustParse("1/fortnight") })
}
