package gate

import (
	"context"
	"time"

	"github.com/ration-go/ration/store"
)

// A bucketCheck reports whether a token bucket of a subject has the same rate and burst
// now as it had in a decision. Nil stands for one that always does.
//
// A charge refills a bucket first. By the old rate and burst, a correction would overfill
// one that is smaller now.
type bucketCheck func(subject string, m *store.Meter) bool

// bucketCheck returns the check of a decision's buckets. If something may have changed
// since, it reads the key again. If the key cannot be read, no bucket passes.
func (g *Gate) bucketCheck(ctx context.Context, d *Decision) bucketCheck {
	if !d.correctsBuckets() || !d.binding.outdated() && (d.groups == nil || !d.groups.node.changed()) {
		return nil
	}
	// A key that has expired meanwhile still has the buckets that it was charged for, so At
	// is before any expiry.
	e, _, err := g.resolver.resolve(ctx, &Request{KeyID: d.Key.ID, At: time.Unix(0, 0)}, g.clock.read())
	return func(subject string, m *store.Meter) bool {
		if err != nil {
			return false
		}
		a := e.allowanceOf(subject)
		return a != nil && a.hasBucket(m)
	}
}

// correctsBuckets reports whether Settle corrects a bucket: one of a declared unit.
func (d *Decision) correctsBuckets() bool {
	corrects := d.meters.correctsBuckets()
	for l := d.groups; l != nil; l = l.above {
		corrects = corrects || l.meters.correctsBuckets()
	}
	return corrects
}

func (m *meters) correctsBuckets() bool {
	for _, unit := range m.units[:m.throttles] {
		if unit > 0 {
			return true
		}
	}
	return false
}

// allowanceOf returns the allowance of a subject: of the key or of one of its groups. It
// returns nil if the subject is of neither.
func (e *entry) allowanceOf(subject string) *allowance {
	if e.first.subject == subject {
		return e.first.allowance
	}
	if e.extra == nil {
		return nil
	}
	for i := range e.extra.others {
		if b := &e.extra.others[i]; b.subject == subject {
			return b.allowance
		}
	}
	for n := e.extra.group; n != nil; n = n.above {
		if n.subject == subject {
			return n.allowance
		}
	}
	return nil
}

// hasBucket reports whether a has a bucket with the name, the rate and the burst of m.
func (a *allowance) hasBucket(m *store.Meter) bool {
	has := func(s *limitSet) bool {
		for i := range s.buckets {
			if b := &s.buckets[i]; b.Name == m.Name && b.Rate == m.Rate && b.Max == m.Max {
				return true
			}
		}
		return false
	}
	for _, sets := range []map[string]*limitSet{a.classes, a.routes} {
		for _, s := range sets {
			if has(s) {
				return true
			}
		}
	}
	return a.general != nil && has(a.general)
}
