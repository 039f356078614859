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

// steady is take for a charge that the layout has: nothing is looked for, and no state is copied but the bucket's.
func (a *account) steady(c *store.Charge, at time.Time, now int64) {
	var bucket store.Bucket
	c.OK = true
	for i := range a.layout.held {
		h, fits := &a.layout.held[i], false
		if h.IsWindow() {
			_, c.Levels[i], fits = a.window(h).Take(&h.Meter, at, c.N[i])
		} else {
			bucket, c.Levels[i], fits = a.bucket(h).Take(&h.Meter, now, c.N[i])
		}
		c.OK = c.OK && fits
	}
	for i := range a.layout.held {
		h, l := &a.layout.held[i], &c.Levels[i]
		switch {
		case !c.OK && l.Wait == 0:
			a.stands(h, at, now, l)
		case !c.OK || c.N[i] == 0:
		case h.IsWindow():
			a.cells[h.cell] = l.Used
		default:
			a.store(h.cell, &bucket)
		}
	}
}

// stands reports a meter that would have fitted as it was, since another refused.
func (a *account) stands(h *held, at time.Time, now int64, l *store.Level) {
	if h.IsWindow() {
		_, *l, _ = a.window(h).Take(&h.Meter, at, 0)
	} else {
		_, *l, _ = a.bucket(h).Take(&h.Meter, now, 0)
	}
}
