package memory

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestLines holds what the speed of a decision rests on: that shards do not share cache lines, and accounts stay small.
func TestLines(t *testing.T) {
	require.Zero(t, unsafe.Sizeof(shard{})%64)
	require.EqualValues(t, 64, unsafe.Offsetof(shard{}.index))
	require.EqualValues(t, 128, unsafe.Offsetof(shard{}.next))
	require.EqualValues(t, 96, unsafe.Sizeof(account{}))
	require.EqualValues(t, 3128, unsafe.Sizeof(slab{})) // with 8 more it is in the class of 3,200
}

// TestAligned holds where the allocator puts accounts.
func TestAligned(t *testing.T) {
	s := New(Config{})
	sh := &s.shards[0]
	for range 10 * slabSize {
		if slot := sh.slot(); slot%2 == 0 {
			require.Zero(t, uintptr(unsafe.Pointer(sh.at(slot)))%64)
		}
	}
}
