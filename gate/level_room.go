package gate

import (
	"time"

	"github.com/ration-go/ration/store"
)

// A levelRoom has the levels of a few limits, or the Standing from which they are worked
// out. Both share the memory, because each byte of a Decision costs time: it is zeroed,
// copied, and allocated by the middleware.
type levelRoom [fewLimits]store.Level

// All cells of a Standing must fit.
var _ [6]int64 = store.Standing{}.Cells

// setStanding stores s in the place of the first two levels.
func (r *levelRoom) setStanding(s *store.Standing) {
	c := &s.Cells
	r[0] = store.Level{Max: s.At, Used: s.Now, Wait: time.Duration(c[0]), Reset: time.Duration(c[1])}
	r[1] = store.Level{Max: c[2], Used: c[3], Wait: time.Duration(c[4]), Reset: time.Duration(c[5])}
}

// standing returns what setStanding has stored.
func (r *levelRoom) standing() store.Standing {
	a, b := &r[0], &r[1]
	return store.Standing{
		At: a.Max, Now: a.Used,
		Cells: [6]int64{int64(a.Wait), int64(a.Reset), b.Max, b.Used, int64(b.Wait), int64(b.Reset)},
	}
}
