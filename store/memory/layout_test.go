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
	require.EqualValues(t, 3072, unsafe.Sizeof([slabSize]account{})) // with 8 more it is in the class of 3,200
}
