package gate

import (
	"unsafe"

	"github.com/ration-go/ration/store"
)

// A levelRoom has the levels of a few limits, or the Standing from which they are worked
// out. Both share the memory, because each byte of a Decision costs time: it is zeroed,
// copied, and allocated by the middleware.
type levelRoom [fewLimits]store.Level

// A Standing must be as large as the first two levels.
var _ = [unsafe.Sizeof([2]store.Level{})]byte([unsafe.Sizeof(store.Standing{})]byte{})

// standing returns the Standing in the place of the first two levels. Level reads it
// there for each limit. To copy it first, field by field, took 8ns for each limit.
//
// The cast is safe because both types consist of int64 alone. So they have the same
// alignment, and any bits are a value of either.
func (r *levelRoom) standing() *store.Standing { return (*store.Standing)(unsafe.Pointer(r)) }
