package lease_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// TestLargeCharges has many callers at once ask for most of what remains. One gets it,
// and all others are refused: they do not wait for one another until they fail.
func TestLargeCharges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, newFar(2*time.Millisecond), lease.Config{})
		day := today(10_000)
		require.EqualValues(t, 1000, spend(t, c, 1000, 100*time.Microsecond, day))
		sum := crowd(256, 1, 0, func(int, int) (bool, error) { return take(c, 9_000, day) })
		require.EqualValues(t, 1, sum.admitted)
		require.EqualValues(t, 255, sum.refused)
	})
}

// TestManyCallersAtLimit has many callers use up limits of different sizes. No call
// fails, and leases admit no fewer than exact decisions.
func TestManyCallersAtLimit(t *testing.T) {
	rate := func(burst int64) func() store.Meter {
		return func() store.Meter {
			return store.Meter{Name: "rate", Max: burst, Rate: store.Rate{Tokens: 1, Per: 100}}
		}
	}
	for name, meter := range map[string]func() store.Meter{
		"burst 20": rate(20), "burst 100": rate(100), "burst 1000": rate(1000),
		"quota 2000": func() store.Meter { return today(2000) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, m := newFar(2*time.Millisecond), meter()
				exact := crowd(256, 80, 10*time.Millisecond, func(int, int) (bool, error) { return take(s, 1, m) })
				s = newFar(2 * time.Millisecond)
				c := newCounter(t, s, lease.Config{})
				leased := crowd(256, 80, 10*time.Millisecond, func(int, int) (bool, error) { return take(c, 1, m) })
				t.Logf("exact %+v, leased %+v, %d calls", exact, leased, s.takes.Load())
				require.Zero(t, leased.failed)
				require.GreaterOrEqual(t, leased.admitted, exact.admitted)
				require.Less(t, leased.worst, 20*time.Millisecond)
			})
		})
	}
}

// TestRefusalsUnseen floods a quota that is used up by callers that want no levels, and
// by callers that read in between.
func TestRefusalsUnseen(t *testing.T) {
	for _, reads := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newFar(time.Millisecond)
			c := newCounter(t, s, lease.Config{})
			day := today(100)
			spend(t, c, 200, time.Millisecond, day)
			before, asked := s.takes.Load(), int64(0)
			for range 1000 {
				charge := store.NewCharge("hot", 1, day)
				charge.At = time.Now()
				if reads {
					asked++
					take(c, 0, day)
				} else {
					charge.Parts[0].Levels = nil
				}
				require.NoError(t, c.Take(t.Context(), charge))
				require.False(t, charge.OK)
				time.Sleep(time.Millisecond)
			}
			require.LessOrEqual(t, s.takes.Load()-before-asked, int64(6))
		})
	}
}

// TestRefusalsUnheard floods a quota that another process has used up. There are always
// charges in flight, so no answer tells for certain what the others have used.
func TestRefusalsUnheard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(2 * time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		day := today(1000)
		spend(t, c, 960, 100*time.Microsecond, day)
		other := store.NewCharge("hot", 1000-s.used(t, day), day)
		other.At = time.Now()
		require.NoError(t, s.Counter.Take(t.Context(), other))
		before := s.takes.Load()
		sum := crowd(64, 500, 100*time.Microsecond, func(caller, _ int) (bool, error) {
			time.Sleep(time.Duration(caller) * 31 * time.Microsecond)
			return take(c, 1, day)
		})
		require.Zero(t, sum.failed)
		require.Less(t, s.takes.Load()-before, int64(100), "32,000 charges")
	})
}

// TestRefunds settles the cost of each request below or above its estimate, for the hot
// subject and for an organisation whose keys are cold. No correction fails.
func TestRefunds(t *testing.T) {
	tokens := store.Meter{Name: "tokens", Max: 1 << 30, Rate: store.Rate{Tokens: 1000, Per: 1}}
	tests := map[string]func(c store.Counter, n int64, caller, round int) (bool, error){
		"one hot subject": func(c store.Counter, n int64, _, _ int) (bool, error) {
			day, tokens := today(1<<40), tokens
			day.Start, day.End = 0, 1<<40
			if n == 300 { // costs are forced upon the limits
				day.Max, tokens.Soft = store.Unlimited, true
			}
			return take(c, n, day, tokens)
		},
		"cold keys of an organisation": func(c store.Counter, n int64, caller, round int) (bool, error) {
			m := store.Meter{Name: "day", Max: 1 << 40, End: 1 << 40}
			charge := member(fmt.Sprintf("key-%d-%d", caller, round), m, m)
			for i := range charge.Parts {
				charge.Parts[i].N[0] = n
			}
			err := c.Take(context.Background(), charge)
			return charge.OK, err
		},
	}
	for name, correct := range tests {
		for _, n := range []int64{-300, 300} {
			t.Run(fmt.Sprint(name, "/", n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCounter(t, newFar(2*time.Millisecond), lease.Config{})
					sum := crowd(128, 10, 5*time.Millisecond, func(caller, round int) (bool, error) {
						if ok, err := correct(c, 1000, caller, round); !ok {
							return ok, err
						}
						time.Sleep(5 * time.Millisecond)
						return correct(c, n, caller, round)
					})
					require.EqualValues(t, 128*10, sum.admitted)
				})
			})
		}
	}
}
