//go:build !race

package redis

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// TestAllocations holds a decision to two: the request and the reply. Under the race
// detector a sync.Pool drops things at random, so this is for the other builds.
func TestAllocations(t *testing.T) {
	s := newStore(t, dial(t, redistest.Start(t)), decisionScripts)
	c := &store.Charge{Subject: "plan:key", At: time.Now(), Meters: []store.Meter{throttle, quota, record}, N: store.Each(1)}
	least := testing.AllocsPerRun(200, func() { _ = s.Take(t.Context(), c) })
	for range 4 { // what goes on beside the test is counted too
		least = min(least, testing.AllocsPerRun(200, func() { _ = s.Take(t.Context(), c) }))
	}
	require.True(t, c.OK)
	require.LessOrEqual(t, least, 2.0)
}
