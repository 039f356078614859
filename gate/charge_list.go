package gate

import (
	"context"

	"github.com/ration-go/ration/store"
)

// chargeList lets the Counter decide by its fast path, without a pending. It reports
// false if the Counter did not, and nothing has changed then. Most charges of a key
// without groups are decided here.
func (g *Gate) chargeList(ctx context.Context, req *Request, now reading, e *entry, b *binding, d *Decision) (decided bool) {
	m := d.meters
	if g.lists == nil || g.shared != nil || !m.plain || req.More || e.group() != nil || g.lenient.Load() {
		return false
	}
	at, since := now.wall, now.since
	if !req.At.IsZero() {
		at, since = req.At, 0
	}
	s, ok, decided := g.lists.TakeList(ctx, b.subject, b.place.Load(), m.fast, at, since, ones[:len(m.list)])
	switch {
	case !decided:
		return false
	case ok:
		*d.fewLevels.standing() = s
		d.stands = true
		d.admit(req)
	default:
		d.showRefusal(&s)
	}
	return true
}

// admit makes d the answer to a request that was charged.
func (d *Decision) admit(req *Request) {
	d.Allowed, d.Reason, d.Charged, d.Costs = true, Admitted, true, req.Costs
}

// showRefusal makes d the answer to a request of one unit of each meter that was refused.
func (d *Decision) showRefusal(s *store.Standing) {
	levels := d.keyLevels()
	for i := range levels {
		levels[i] = s.Level(d.meters.fast, i, 1)
	}
	d.explainRefusal(nil)
}
