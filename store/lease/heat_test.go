package lease

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHeatOfTwoInOneSlot charges two subjects in turn that share a slot, such as a key
// and its organisation. One of them becomes hot.
func TestHeatOfTwoInOneSlot(t *testing.T) {
	var h heat
	key, org := uint64(1)<<40|1<<13|7, uint64(2)<<40|2<<13|7
	hottest := uint64(0)
	for range 10 {
		hottest = max(hottest, h.touch(key, 1000), h.touch(org, 1000))
	}
	require.GreaterOrEqual(t, hottest, uint64(hotAfter))
}
