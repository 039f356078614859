package lease

import (
	"github.com/ration-go/ration/store"
)

// shapeOf remembers which meters a charge of one part takes the same of. It reports
// whether the last charge was like it.
func (a *account) shapeOf(c *store.Charge) (same bool) {
	part := &c.Parts[0]
	if len(c.Parts) > 1 || part.Last != nil || len(part.N) == 0 || part.N[0] <= 0 {
		return false
	}
	same = a.shaped == len(part.Meters)
	for i := range part.Meters {
		m := a.meter(&part.Meters[i], i)
		if m == nil || part.N[i] != part.N[0] {
			a.shaped = 0
			return false
		}
		same = same && a.shape[i] == m
		a.shape[i] = m
	}
	a.shaped = len(part.Meters)
	return same
}
