//go:build !race

package redis

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// TestAllocations checks that a decision allocates at most twice: the request and the
// reply. Under the race detector a sync.Pool drops objects at random, so the test is only
// in other builds.
func TestAllocations(t *testing.T) {
	s := newStore(t, dial(t, redistest.Start(t)), decisionScripts)
	c := chargeAt(store.Spend, time.Now(), "plan:key", 1, throttle, quota, record)
	least := testing.AllocsPerRun(200, func() { _ = s.Take(t.Context(), c) })
	for range 4 { // allocations of other goroutines are counted too
		least = min(least, testing.AllocsPerRun(200, func() { _ = s.Take(t.Context(), c) }))
	}
	require.True(t, c.OK)
	require.LessOrEqual(t, least, 2.0)
}
