package gate

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestLevelRoom stores a Standing in which no two numbers are the same.
func TestLevelRoom(t *testing.T) {
	var room levelRoom
	want := store.Standing{At: 1, Now: 2, Cells: [6]int64{3, 4, 5, 6, 7, 8}}
	room.setStanding(&want)
	require.Equal(t, want, room.standing())
}

// TestDecisionSize keeps a Decision from growing unnoticed. Each byte is zeroed, copied
// from function to function, and allocated by the middleware.
func TestDecisionSize(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Decision{}), uintptr(312))
}

// TestGroupLevelsSize keeps the allocation of a decision with groups from growing
// unnoticed. Three groups are one allocation of 512 bytes.
func TestGroupLevelsSize(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(groupLevels{}), uintptr(160))
}
