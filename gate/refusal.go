package gate

import (
	"iter"

	"github.com/ration-go/ration/store"
)

// Refusals returns a sequence of the limits that refused: those of the key, then those of
// its groups. If none of these refused, it is the shared throttle that did, with the name
// "throttle". Of a shared throttle the Level has the Wait only. The same holds for a
// token bucket of this process, which refused because the Counter failed.
func (o *Outcome) Refusals() iter.Seq[Level] {
	return func(yield func(Level) bool) {
		if o.Allowed {
			return
		}
		for l := range o.lacking() {
			if !l.Soft && !yield(l) {
				return
			}
		}
		if r := o.refuser; r != nil {
			yield(Level{r.payer, r.limit, store.Level{Wait: o.RetryAfter}})
		}
	}
}

// WouldRefuse returns a sequence of the limits that have no room for the request and do
// not refuse it, because they are soft or Gate.Enforce is off. The Wait of each is the
// time until it has room. The limits of the key come first, then those of its groups.
// While Gate.Enforce is off, the shared throttle with the longest wait comes last. Of it
// the Level has the Wait only.
//
// Of a request that was refused, WouldRefuse has the soft limits that would have refused
// it as well. To count what a soft limit would cost clients, look at Allowed first. A
// request that the middleware admits free of charge has the limits that it passed over.
func (o *Outcome) WouldRefuse() iter.Seq[Level] {
	return func(yield func(Level) bool) {
		for l := range o.lacking() {
			if (l.Soft || o.Allowed) && !yield(l) {
				return
			}
		}
		if !o.Allowed {
			return
		}
		if r := o.refuser; r != nil {
			yield(Level{r.payer, r.limit, store.Level{Wait: r.wait}})
		}
	}
}

// lacking returns a sequence of the limits of the key and its groups that have no room
// for the request, soft or not.
func (o *Outcome) lacking() iter.Seq[Level] {
	return func(yield func(Level) bool) {
		for _, levels := range []iter.Seq[Level]{o.Levels(), o.GroupLevels()} {
			for l := range levels {
				if l.Wait > 0 && !yield(l) {
					return
				}
			}
		}
	}
}

// RefusedBy returns the payer of the first of Refusals, and whether there is one. It does
// not allocate.
func (o *Outcome) RefusedBy() (p Payer, ok bool) {
	if o.Allowed {
		return Payer{}, false
	}
	if o.meters != nil && o.meters.refuse(o.keyLevels()) {
		return Payer{PayerKey, o.Key.ID}, true
	}
	for g := o.groups; g != nil; g = g.above {
		if g.meters.refuse(g.levels()) {
			return Payer{PayerGroup, g.node.group.ID}, true
		}
	}
	if o.refuser != nil {
		return o.refuser.payer, true
	}
	return Payer{}, false
}

// refuse reports whether one of the limits has no room for the request and is not soft.
func (m *meters) refuse(levels []store.Level) bool {
	for i := range m.limits {
		if levels[i].Wait > 0 && !m.limits[i].Soft {
			return true
		}
	}
	return false
}

// explainRefusal sets Reason and RetryAfter after a refusal. The limit with the longest
// wait gives them, since the request fits only when that limit admits it. A shared
// throttle gives them only if no limit of the key and its groups refused.
//
// If no limit refused, a usage record did. It has no limit but what a store can count,
// so the cost can never fit.
//
// p is nil if there are no shared throttles.
func (d *Decision) explainRefusal(p *pending) {
	d.blame(d.meters, d.keyLevels())
	for l := d.groups; l != nil; l = l.above {
		d.blame(l.meters, l.levels())
	}
	if d.RetryAfter == 0 && p != nil {
		d.blameShared(p)
	}
	if d.RetryAfter == 0 || d.RetryAfter == store.Never {
		d.Reason, d.RetryAfter = NeverFits, store.Never
	}
}

// blame sets Reason and RetryAfter if a limit of m has a longer wait than those before.
func (d *Decision) blame(m *meters, levels []store.Level) {
	for i := range m.limits {
		if wait := levels[i].Wait; wait > d.RetryAfter && !m.limits[i].Soft {
			d.RetryAfter = wait
			d.Reason = QuotaExceeded
			if i < m.throttles {
				d.Reason = Throttled
			}
		}
	}
}

// blameShared sets Reason and RetryAfter after the refusal of a shared throttle.
func (d *Decision) blameShared(p *pending) {
	for i, part := range p.sharedParts() {
		if wait := part.Levels[0].Wait; wait > d.RetryAfter {
			d.Reason, d.RetryAfter, d.refuser = Throttled, wait, &p.shared[i].refuser
		}
	}
}
