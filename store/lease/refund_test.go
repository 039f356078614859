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
