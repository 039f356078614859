package lease_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// TestFiguresDuringSettlement has one caller come with other figures while a settlement
// is under way and all units are spent, and the others go on with the former ones. No
// more is given back than is leased.
func TestFiguresDuringSettlement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(2 * time.Millisecond)
		c := newCounter(t, s, lease.Config{Block: time.Second, Life: 2 * time.Second})
		day := today(1_000_000_000)
		other := day
		other.Max++
		var admitted atomic.Int64
		admitted.Add(crowd(1, 2000, 0, func(int, int) (bool, error) { return take(c, 1, day) }).admitted)

		s.delay.Store(int64(50 * time.Millisecond))
		waits := func() bool {
			before := admitted.Load()
			go func() {
				if ok, err := take(c, 1, day); ok && err == nil {
					admitted.Add(1)
				}
			}()
			synctest.Wait()
			return admitted.Load() == before
		}
		for !waits() {
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, c.Take(ctx, store.NewCharge("hot", 1, other)), store.ErrNotTaken, "it gives up")
		require.True(t, waits())
		time.Sleep(100 * time.Millisecond)

		s.delay.Store(int64(2 * time.Millisecond))
		for range 30 {
			admitted.Add(spend(t, c, 1, 100*time.Millisecond, day))
			require.GreaterOrEqual(t, s.used(t, day), admitted.Load())
		}
	})
}

// TestTwoPlans has callers charge one subject by two plans, as while a change of a plan
// spreads. Every charge succeeds, and each unit counts once.
func TestTwoPlans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(2 * time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		before, month := today(1_000_000), today(1<<40)
		month.Name = "month"
		after := before
		after.Max++
		sum := crowd(16, 300, 150*time.Microsecond, func(caller, round int) (bool, error) {
			if (caller*31+round*17)%7 < 2 {
				return take(c, 1, after, month)
			}
			return take(c, 1, before, month)
		})
		require.EqualValues(t, 16*300, sum.admitted)
		require.NoError(t, c.Close(t.Context()))
		require.Equal(t, sum.admitted, s.used(t, before))
		require.Equal(t, sum.admitted, s.used(t, month))
	})
}
