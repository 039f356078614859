package limiter_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

// apart is a Counter that keeps families apart, as a Redis Cluster does.
type apart struct{ store.Counter }

func (a apart) Take(ctx context.Context, c *store.Charge) error {
	for _, p := range c.Parts[1:] {
		if store.Family(p.Subject) != store.Family(c.Parts[0].Subject) {
			return fmt.Errorf("%w: %w", store.ErrNotTaken, store.ErrApart)
		}
	}
	return a.Counter.Take(ctx, c)
}

// newSet returns a Set of an address and an account, and its Limiters.
func newSet(t *testing.T, c store.Counter, address, account limiter.Limit) (*limiter.Set, [2]*limiter.Limiter) {
	byAddress, err := limiter.New(c, address, limiter.Config{Name: "address"})
	require.NoError(t, err)
	byAccount, err := limiter.New(c, account, limiter.Config{Name: "account"})
	require.NoError(t, err)
	set, err := limiter.NewSet(byAddress, byAccount)
	require.NoError(t, err)
	return set, [2]*limiter.Limiter{byAddress, byAccount}
}

// TestSet checks that a request takes a token of each limit, or of none, over a store
// that decides in one step and over one that keeps the keys apart.
func TestSet(t *testing.T) {
	for name, counter := range map[string]store.Counter{
		"one step": memory.New(memory.Config{}),
		"apart":    apart{memory.New(memory.Config{})},
	} {
		synctest.Test(t, func(t *testing.T) {
			set, limiters := newSet(t, counter, limiter.Limit{Rate: 0.1, Burst: 2}, limiter.Limit{Rate: 0.01, Burst: 1})
			for i, step := range []struct {
				after            time.Duration
				address, account string
				ok               bool
				remaining        [2]int64
				retryAfter       [2]time.Duration
			}{
				{0, "a", "ann", true, [2]int64{1, 0}, [2]time.Duration{}},
				{0, "a", "ann", false, [2]int64{1, 0}, [2]time.Duration{0, 100 * time.Second}},
				{0, "b", "ann", false, [2]int64{2, 0}, [2]time.Duration{0, 100 * time.Second}},
				{0, "a", "bob", true, [2]int64{0, 0}, [2]time.Duration{}},
				{0, "a", "eve", false, [2]int64{0, 1}, [2]time.Duration{10 * time.Second, 0}},
				{0, "a", "bob", false, [2]int64{0, 0}, [2]time.Duration{10 * time.Second, 100 * time.Second}},
				{10 * time.Second, "a", "", true, [2]int64{0, store.Unlimited}, [2]time.Duration{}},
				{0, "", "eve", true, [2]int64{store.Unlimited, 0}, [2]time.Duration{}},
				{0, "", "", true, [2]int64{store.Unlimited, store.Unlimited}, [2]time.Duration{}},
				{0, "same", "same", true, [2]int64{1, 0}, [2]time.Duration{}},
				{0, "same", "same", false, [2]int64{1, 0}, [2]time.Duration{0, 100 * time.Second}},
			} {
				time.Sleep(step.after)
				var results [2]limiter.Result
				ok, err := set.Allow(t.Context(), []string{step.address, step.account}, results[:])
				require.NoError(t, err)
				require.Equal(t, step.ok, ok, "%s %d", name, i)
				for j, r := range results {
					require.Equal(t, ok, r.Allowed, "%s %d", name, i)
					require.Equal(t, step.remaining[j], r.Remaining, "%s %d %d", name, i, j)
					require.Equal(t, step.retryAfter[j], r.RetryAfter, "%s %d %d", name, i, j)
				}
			}

			require.NoError(t, set.Refund(t.Context(), []string{"same", "same"}))
			require.NoError(t, set.Refund(t.Context(), []string{"new", ""}))
			for i, want := range map[int]int64{0: 2, 1: 1} {
				r, err := limiters[i].Peek(t.Context(), "same")
				require.NoError(t, err)
				require.Equal(t, want, r.Remaining)
			}
			r, err := limiters[0].Peek(t.Context(), "new")
			require.NoError(t, err)
			require.EqualValues(t, 2, r.Remaining, "a bucket holds no more than its burst")
		})
	}
}

// TestSetApartIsOneStep asks two Sets the same, by random. One is over a store that keeps
// the keys apart. Both give the same answers.
func TestSetApartIsOneStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		one, _ := newSet(t, memory.New(memory.Config{}), limiter.Limit{Rate: 0.7, Burst: 3}, limiter.Limit{Rate: 3.0 / 7, Burst: 2})
		two, _ := newSet(t, apart{memory.New(memory.Config{})}, limiter.Limit{Rate: 0.7, Burst: 3}, limiter.Limit{Rate: 3.0 / 7, Burst: 2})
		refused := 0
		for range 2000 {
			time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
			keys := []string{"a"[:random.IntN(2)], "b"[:random.IntN(2)]}
			var want, got [2]limiter.Result
			ok, err := one.Allow(t.Context(), keys, want[:])
			require.NoError(t, err)
			same, err := two.Allow(t.Context(), keys, got[:])
			require.NoError(t, err)
			require.Equal(t, ok, same)
			for i := range want {
				require.InDelta(t, want[i].RetryAfter, got[i].RetryAfter, float64(time.Microsecond), "the time is rounded up twice")
				want[i].RetryAfter, got[i].RetryAfter = 0, 0
			}
			require.Equal(t, want, got, keys)
			if !ok {
				refused++
			}
		}
		require.Greater(t, refused, 100)
	})
}

// TestSetFails has the Counter fail at each step of a decision over keys that are apart.
// The tokens that were taken before are given back.
func TestSetFails(t *testing.T) {
	broken := errors.New("broken")
	for take := range int64(2) {
		synctest.Test(t, func(t *testing.T) {
			counter := memory.New(memory.Config{})
			faulty := storetest.Faulty(counter, storetest.Fault{Take: take + 1, Err: broken})
			set, _ := newSet(t, apart{faulty}, limiter.Limit{Rate: 0.1, Burst: 2}, limiter.Limit{Rate: 0.1, Burst: 2})
			results := []limiter.Result{{Allowed: true}, {Allowed: true}}
			ok, err := set.Allow(t.Context(), []string{"a", "ann"}, results)
			require.ErrorIs(t, err, broken)
			require.False(t, ok)
			require.Equal(t, make([]limiter.Result, 2), results)
			ok, err = set.Allow(t.Context(), []string{"a", "ann"}, results)
			require.NoError(t, err)
			require.True(t, ok)
			require.EqualValues(t, 1, results[0].Remaining, "take %d", take)
			require.EqualValues(t, 1, results[1].Remaining, "take %d", take)
		})
	}
}

// TestSetFaults checks what NewSet and Allow refuse.
func TestSetFaults(t *testing.T) {
	st := memory.New(memory.Config{})
	one, other := newLimiter(t, limiter.PerSecond(1)), newLimiter(t, limiter.PerSecond(1))
	named, err := limiter.New(st, limiter.PerSecond(1), limiter.Config{Name: "named"})
	require.NoError(t, err)
	for _, c := range []struct {
		limiters []*limiter.Limiter
		faults   []string
	}{
		{nil, []string{"limiters: 0 of them: want 1 to 6"}},
		{[]*limiter.Limiter{one, nil}, []string{"limiters[1]: nil *limiter.Limiter: want a limiter.Limiter"}},
		{[]*limiter.Limiter{one, one}, []string{`limiters[1].name: "rate": there twice`}},
		{[]*limiter.Limiter{one, other, named}, []string{`limiters[1].name: "rate": there twice`, "limiters[1].counter: want that of the first", "limiters[2].counter: want"}},
	} {
		_, err := limiter.NewSet(c.limiters...)
		require.ErrorIs(t, err, limiter.ErrInvalid)
		for _, fault := range c.faults {
			require.ErrorContains(t, err, fault)
		}
	}
	set, err := limiter.NewSet(named)
	require.NoError(t, err)
	_, err = set.Allow(t.Context(), []string{"a", "b"}, nil)
	require.ErrorIs(t, err, limiter.ErrInvalid)
	_, err = set.Allow(t.Context(), []string{string(make([]byte, store.MaxSubject+1))}, make([]limiter.Result, 1))
	require.ErrorContains(t, err, "keys[0]: 513 bytes: want at most 512")
	require.ErrorIs(t, named.Refund(t.Context(), "a", -1), limiter.ErrInvalid)
}

// TestRefund checks that a refund works also after its ctx has ended.
func TestRefund(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := newLimiter(t, limiter.Limit{Rate: 0.1, Burst: 3})
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			_, err := lim.Allow(ctx, "a")
			require.NoError(t, err)
		}
		cancel()
		for i, want := range []int64{2, 3, 3} {
			require.NoError(t, lim.Refund(ctx, "a", 1))
			r, err := lim.Peek(t.Context(), "a")
			require.NoError(t, err)
			require.Equal(t, want, r.Remaining, i)
		}
	})
}
