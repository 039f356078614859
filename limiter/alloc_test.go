//go:build !race

package limiter_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
)

// The race detector makes a sync.Pool drop values at random, so this test is for other
// builds.
func TestDecisionsAllocateNothing(t *testing.T) {
	for name, limit := range map[string]limiter.Limit{
		"admitted":  limiter.PerSecond(1_000_000_000),
		"refused":   {},
		"unlimited": {Rate: rate.Inf},
	} {
		lim, ctx, at := newLimiter(t, limit), t.Context(), time.Now()
		byTake, err := limiter.New(localCounter(memory.New(memory.Config{}).Take), limit, limiter.Config{})
		require.NoError(t, err)
		assert.Zero(t, testing.AllocsPerRun(1000, func() {
			if _, err := byTake.Allow(ctx, "key"); err != nil {
				t.Fatal(err)
			}
			if _, err := lim.Allow(ctx, "key"); err != nil {
				t.Fatal(err)
			}
			if _, err := lim.AllowN(ctx, "key", at, 2); err != nil {
				t.Fatal(err)
			}
			if _, err := lim.Peek(ctx, "key"); err != nil {
				t.Fatal(err)
			}
		}), name)
	}
}
