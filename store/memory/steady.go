package memory

import (
	"time"

	"github.com/ration-go/ration/store"
)

// steady is take for a charge that takes from, or reads, just the meters of the account's
// layout, in their order and with the figures that they have: as all charges of an
// account do but the first, the first of a window, and the odd ones. Nothing is looked
// for then, and no state is copied but the bucket's. If it is false nothing has happened.
func (a *account) steady(c *store.Charge, at time.Time, now int64) bool {
	held := a.layout.held
	if len(held) != len(c.Meters) || a.layout.buckets > 1 || c.SetRemaining {
		return false
	}
	var bucket store.Bucket
	wall, fit := at.UnixMicro(), true
	for i := range held {
		h, n, fits := &held[i], c.N[i], false
		if n < 0 || !h.equals(&c.Meters[i]) {
			return false
		}
		if h.IsWindow() {
			_, c.Levels[i], fits = a.window(h).Take(&h.Meter, wall, n)
		} else {
			bucket, c.Levels[i], fits = a.bucket(h).Take(&h.Meter, now, n)
		}
		fit = fit && fits
	}
	if c.OK = fit; !fit {
		a.stand(c, wall, now)
		return true
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
	return true
}

// equals says whether m is what h was charged as, in all figures. One branch decides on
// all that are numbers.
func (h *held) equals(m *store.Meter) bool {
	differs := (h.Max ^ m.Max) | (h.Start ^ m.Start) | (h.End ^ m.End) | int64(h.Keep^m.Keep) |
		(h.Rate.Tokens ^ m.Rate.Tokens) | (h.Rate.Per ^ m.Rate.Per)
	return differs == 0 && h.Name == m.Name
}

// stand reports the meters that would have fitted as they are, since another refused.
func (a *account) stand(c *store.Charge, wall, now int64) {
	for i := range a.layout.held {
		h, l := &a.layout.held[i], &c.Levels[i]
		switch {
		case l.Wait > 0:
		case h.IsWindow():
			_, *l, _ = a.window(h).Take(&h.Meter, wall, 0)
		default:
			_, *l, _ = a.bucket(h).Take(&h.Meter, now, 0)
		}
	}
}
