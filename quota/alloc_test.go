//go:build !race

package quota_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ration-go/ration/quota"
)

// The race detector makes a sync.Pool drop values at random, so this test is for other
// builds.
func TestUseAllocatesNothing(t *testing.T) {
	for _, text := range []string{"1000000000/day", "5/day soft"} {
		c := newCounter(t, text, quota.Config{})
		ctx := t.Context()
		assert.Zero(t, testing.AllocsPerRun(1000, func() {
			r, err := c.Use(ctx, "ann", 1)
			if err != nil || !r.Allowed {
				t.Fatal(r, err)
			}
		}), text)
	}
}
