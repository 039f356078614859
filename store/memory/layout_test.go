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
}

// TestAligned holds where the allocator puts the accounts of full slabs.
func TestAligned(t *testing.T) {
	sh := &New(Config{}).shards[0]
	for range 10 * slabSize {
		sh.slot()
	}
	for slot := uint32(0); slot < sh.slots; slot += 2 {
		require.Zero(t, uintptr(unsafe.Pointer(sh.at(slot)))%64)
	}
}
