package lease_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// TestReadsTogether reads a hot subject many times at once.
func TestReadsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, newFar(2*time.Millisecond), lease.Config{})
		day := today(1_000_000)
		spend(t, c, 100, 100*time.Microsecond, day)
		sum := crowd(256, 1, 0, func(int, int) (bool, error) { return take(c, 0, day) })
		require.EqualValues(t, 256, sum.admitted)
		require.Less(t, sum.worst, 20*time.Millisecond)
	})
}

// TestPollers has pollers read a hot subject without a pause. Its charges do not wait
// for them.
func TestPollers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, newFar(20*time.Millisecond), lease.Config{})
		day := today(1 << 40)
		ask := func() tally {
			return crowd(16, 1000, time.Millisecond, func(int, int) (bool, error) { return take(c, 1, day) })
		}
		alone := ask()
		ctx, cancel := context.WithCancel(t.Context())
		var pollers sync.WaitGroup
		for range 8 {
			pollers.Go(func() {
				for ctx.Err() == nil {
					take(c, 0, day)
				}
			})
		}
		beside := ask()
		cancel()
		pollers.Wait()
		require.EqualValues(t, 16*1000, beside.admitted)
		require.LessOrEqual(t, beside.waited, alone.waited+16)
	})
}

// slowPeek is a store whose reports take a while.
type slowPeek struct {
	*shared
	takes time.Duration
}

func (s *slowPeek) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	if err := wait(ctx, s.takes); err != nil {
		return err
	}
	return store.Peek(ctx, s.Counter, at, subjects, meters, levels, last)
}

// TestSlowReport makes a report that takes longer than Config.Timeout. It succeeds, and
// charges do not wait for it.
func TestSlowReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, &slowPeek{newFar(2 * time.Millisecond), 300 * time.Millisecond}, lease.Config{})
		day := today(1 << 40)
		spend(t, c, 100, 0, day)
		time.AfterFunc(100*time.Millisecond, func() {
			for _, subject := range []string{"hot", "cold"} {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				require.NoError(t, c.Peek(ctx, time.Now(), []string{subject}, []store.Meter{day}, make([]store.Level, 1), nil))
				cancel()
			}
		})
		sum := crowd(16, 500, time.Millisecond, func(int, int) (bool, error) { return take(c, 1, day) })
		require.EqualValues(t, 16*500, sum.admitted)
		require.Less(t, sum.worst, 10*time.Millisecond)
		time.Sleep(5 * time.Second)
	})
}
