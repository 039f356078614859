package gate

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestLevelRoom stores a Standing in which no two numbers are the same, and copies the
// room, as a Decision is copied.
func TestLevelRoom(t *testing.T) {
	var room levelRoom
	want := store.Standing{At: 1, Now: 2, Cells: [6]int64{3, 4, 5, 6, 7, 8}}
	*room.standing() = want
	kept := room
	room = levelRoom{}
	require.Equal(t, want, *kept.standing())
	require.Equal(t, levelRoom{{Max: 1, Used: 2, Wait: 3, Reset: 4}, {Max: 5, Used: 6, Wait: 7, Reset: 8}}, kept)
}

// TestLevelRoomIsIntegers checks that a Level and a Standing consist of int64 alone. So
// the memory of one can be read as the other.
func TestLevelRoomIsIntegers(t *testing.T) {
	for _, s := range []any{store.Level{}, store.Standing{}} {
		for i := range reflect.TypeOf(s).NumField() {
			f := reflect.TypeOf(s).Field(i).Type
			if f.Kind() == reflect.Array {
				f = f.Elem()
			}
			require.Equal(t, reflect.Int64, f.Kind())
		}
	}
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
