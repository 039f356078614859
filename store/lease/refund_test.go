package lease_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
)

// TestRefundAboveLimit refunds units of a hot subject after its plan has shrunk below
// what is used. Nothing is admitted until less is used than the limit.
func TestRefundAboveLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counter, err := lease.New(memory.New(memory.Config{}), lease.Config{})
		require.NoError(t, err)
		day := store.Meter{Name: "day", Max: 200, End: 1 << 40, Keep: time.Hour}
		take := func(n int64) bool {
			c := store.NewCharge(subject, n, day)
			c.At = time.Now()
			require.NoError(t, counter.Take(t.Context(), c))
			time.Sleep(100 * time.Microsecond)
			return c.OK
		}
		for range 150 {
			require.True(t, take(1))
		}
		day.Max = 120
		require.False(t, take(1))
		require.True(t, take(-4))
		require.False(t, take(1), "146 are used of 120")
		require.True(t, take(-27))
		require.True(t, take(1), "119 are used of 120")
		more := 0
		for take(1) {
			more++
		}
		require.Zero(t, more, "120 are used of 120")
		require.NoError(t, counter.Close(t.Context()))
	})
}

// TestExpired has leased units expire while the store is away, so that they could not be
// given back. When it is there again, the next charge finds them.
func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newShared()
		counter, err := lease.New(inner, lease.Config{Life: time.Second})
		require.NoError(t, err)
		day := today(1000)
		require.EqualValues(t, 500, spend(t, counter, 500, 100*time.Microsecond, day))
		held := leased(t, inner.Counter, day)
		require.Positive(t, held)

		inner.broken.Store(true)
		time.Sleep(2 * time.Second)
		inner.broken.Store(false)
		rest := store.NewCharge("hot", 500, day)
		rest.At = time.Now()
		require.NoError(t, counter.Take(t.Context(), rest))
		require.True(t, rest.OK, "%d of 500 units are leased", held)
		require.EqualValues(t, 1000, rest.Parts[0].Levels[0].Used)
		require.NoError(t, counter.Close(t.Context()))
		require.EqualValues(t, 1000, inner.used(t, day))
	})
}
