package lease_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// TestPoolWithoutSettlement has an account wait for its next block, or not get one. What
// is left of the last block is spent without a lock all the same, after a charge of
// another kind closed the pool.
func TestPoolWithoutSettlement(t *testing.T) {
	tests := map[string]func(s *shared){
		"the next block is on its way": func(s *shared) { s.delay.Store(int64(time.Second)) },
		"the store fails":              func(s *shared) { s.broken.Store(true) },
	}
	for name, begin := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFar(100 * time.Microsecond)
				c := newCounter(t, s, lease.Config{})
				day, use := today(1<<40), newRecord()
				require.EqualValues(t, 1000, spend(t, c, 1000, 20*time.Microsecond, day, use))
				begin(s)
				for calls := s.takes.Load(); s.takes.Load() == calls; { // half of the block is spent
					require.EqualValues(t, 1, spend(t, c, 1, time.Microsecond, day, use))
				}
				require.EqualValues(t, 1, spend(t, c, 1, 0, day))
				require.False(t, c.HasPool("hot"))
				require.EqualValues(t, 3, spend(t, c, 3, 0, day, use))
				require.True(t, c.HasPool("hot"))
				s.broken.Store(false)
			})
		})
	}
}

// TestRefillsAreFew spends a block while the next one cannot be fetched. Few charges try
// to fetch it, since each of them takes the lock.
func TestRefillsAreFew(t *testing.T) {
	require.LessOrEqual(t, lease.Refills(1<<16), 16)
	require.Positive(t, lease.Refills(1<<16))
}

// TestNoPool charges a soft quota, which no pool can decide. A charge that opens no pool
// allocates nothing.
func TestNoPool(t *testing.T) {
	c := newCounter(t, newShared(), lease.Config{Life: time.Minute}).Eager()
	soft := today(1 << 30)
	soft.Soft = true
	charge := store.NewCharge("hot", 1, soft, newRecord())
	charge.At = time.Now()
	take := func() { _ = c.Take(t.Context(), charge) }
	for range 100 {
		take()
	}
	require.False(t, c.HasPool("hot"))
	require.Less(t, testing.AllocsPerRun(1000, take), 0.5)
}

// TestForgetInPool has a record whose count is at its greatest, while a pool is open. The
// account then has nothing of the record to give back.
func TestForgetInPool(t *testing.T) {
	require.Zero(t, lease.ForgetInPool(newRecord()))
}
