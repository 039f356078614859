package memory

import (
	"time"

	"github.com/ration-go/ration/store"
)

// has says whether a charge takes from, or reads, the meters of l, in their order and with the figures that they have: as all charges
// of an account do but the first, the first of a window, and the odd ones.
func (l *layout) has(c *store.Charge) bool {
	if len(l.held) != len(c.Meters) || l.buckets > 1 || c.SetRemaining {
		return false
	}
	for i := range l.held {
		h, m := &l.held[i], &c.Meters[i]
		if !h.is(m) || h.Start != m.Start || !h.same(m) || c.N[i] < 0 {
			return false
		}
	}
	return true
}

// steady is take for a charge that the layout has: nothing is looked for, and no state is copied but the bucket's, which
// makes it twice as fast. It is false, and has done nothing, if the charge is refused.
func (a *account) steady(c *store.Charge, at time.Time, now int64) bool {
	var bucket store.Bucket
	held := a.layout.held
	for i := range held {
		h, fits := &held[i], false
		if h.IsWindow() {
			_, c.Levels[i], fits = store.Window{Used: a.cells[h.cell], Extra: h.extra}.Take(&h.Meter, at, c.N[i])
		} else {
			bucket, c.Levels[i], fits = a.bucket(h).Take(&h.Meter, now, c.N[i])
		}
		if !fits {
			return false
		}
	}
	for i := range held {
		switch h := &held[i]; {
		case c.N[i] == 0:
		case h.IsWindow():
			a.cells[h.cell] = c.Levels[i].Used
		default:
			a.store(h.cell, &bucket)
		}
	}
	c.OK = true
	return true
}
