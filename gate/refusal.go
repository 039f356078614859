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
	return func(yield func(Level) bool) { o.eachRefusal(yield) }
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
	return func(yield func(Level) bool) { o.eachWouldRefuse(yield) }
}

// eachRefusal calls yield with each of Refusals until yield returns false. It is a method
// of its own, so that Refusals is inlined and an Observer's loop allocates nothing.
func (o *Outcome) eachRefusal(yield func(Level) bool) {
	if o.Allowed {
		return
	}
	whole := o.eachLacking(func(l Level) bool { return l.Soft || yield(l) })
	if r := o.refuser; whole && r != nil {
		yield(Level{r.payer, r.plan, r.limit, store.Level{Wait: o.RetryAfter}})
	}
}

// eachWouldRefuse calls yield with each of WouldRefuse until yield returns false.
func (o *Outcome) eachWouldRefuse(yield func(Level) bool) {
	whole := o.eachLacking(func(l Level) bool { return !l.Soft && !o.Allowed || yield(l) })
	if r := o.refuser; whole && o.Allowed && r != nil {
		yield(Level{r.payer, r.plan, r.limit, store.Level{Wait: r.wait}})
	}
}

// eachLacking calls yield with each limit of the key and its groups that has no room for
// the request, soft or not, until yield returns false. It reports whether it came to the
// end. A Decision whose levels stand has room everywhere.
func (o *Outcome) eachLacking(yield func(Level) bool) bool {
	if !o.stands {
		levels := o.keyLevels()
		for i, limit := range o.Limits() {
			if levels[i].Wait > 0 && !yield(Level{Payer{PayerKey, o.Key.ID}, o.Plan, limit, levels[i]}) {
				return false
			}
		}
	}
	for g := o.groups; g != nil; g = g.above {
		levels := g.levels()
		for i, limit := range g.meters.limits {
			if levels[i].Wait > 0 && !yield(Level{Payer{PayerGroup, g.node.group.ID}, g.node.allowance.plan, limit, levels[i]}) {
				return false
			}
		}
	}
	return true
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
