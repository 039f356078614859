package lease

import (
	"errors"
	"slices"

	"github.com/ration-go/ration/store"
)

// follow does what a charge that was decided here leads to: the next settlement, and a
// pool. The pool is opened during a settlement, too: what is left of a block is spent
// without a lock until the next one is there. The locks are held.
func (l *Counter) follow(c *store.Charge, set *payers) {
	now := l.clock.now()
	for _, a := range set.order[:set.n] {
		if refunds(c) {
			l.expireLate(a, now) // a sweep has not seen what came back
		}
		if a.settling == nil && now >= a.pause && l.isLow(a) {
			l.begin(a)
		}
	}
	if a := set.of[0]; c.OK && a.shapeOf(c) && a.pool.Load() == nil {
		a.openPool(now + a.shift)
	}
}

// hasUnread reports whether it is not known where a meter of a part stands.
func (a *account) hasUnread(part *store.Part) bool {
	for i := range part.Meters {
		if m := a.meter(&part.Meters[i], i); m != nil && !m.known && !m.returning {
			return true
		}
	}
	return false
}

// isLow reports whether half of a block is spent.
func (l *Counter) isLow(a *account) bool {
	for _, m := range a.meters {
		if m.ahead() && !m.returning && m.taken > 0 && m.avail <= m.taken {
			return true
		}
	}
	return false
}

// beginDue begins the settlements that are of use after the inner Counter has decided c:
// of every account that has something to be given back, and if c could have been decided
// here, of every account that had too little. The locks are held.
func (l *Counter) beginDue(c *store.Charge, set *payers, err error, now int64) {
	moved := errors.As(err, new(*store.MovedError))
	leasable := err == nil && l.leasable(c, set, now)
	for p, a := range set.of {
		if a == nil {
			continue
		}
		if moved || now >= a.pause && (a.lost != nil || a.hasReturns() || leasable && (l.isLow(a) || a.hasUnread(&c.Parts[p]))) {
			l.begin(a)
		}
	}
}

// fewCharges is how many charges a block is for at least. A smaller one would cost as
// many calls as it spares.
const fewCharges = 4

// leasable reports whether charges like c can be decided here: every subject has an
// account, and of every meter some units are leased or would be. A limit with room for
// fewer than 64 charges is not leased, and then leases of the other limits are of no use
// to c.
func (l *Counter) leasable(c *store.Charge, set *payers, now int64) bool {
	if set.n != len(c.Parts) {
		return false
	}
	for p := range c.Parts {
		a, part := set.of[p], &c.Parts[p]
		for i, n := range part.N {
			m := a.meter(&part.Meters[i], i)
			if m == nil || n > 0 && m.ahead() && m.avail < n && l.nextBlock(a, m, now)/fewCharges < n {
				return false
			}
		}
	}
	return true
}

// A charge that has waited patience times for a settlement, and found that others were
// faster, keeps the next one from beginning, and goes to the inner Counter. After
// maxTries it no longer waits, like a charge that names a cold subject.
const (
	patience = 3
	maxTries = 32
)

// holdBack keeps settlements of the accounts from beginning until letGo. The locks are
// held.
func (s *payers) holdBack() {
	if s.holds != nil {
		return
	}
	s.holds = slices.Clone(s.order[:s.n])
	for _, a := range s.holds {
		a.heldBack++
	}
}

// letGo ends what holdBack began. The locks are not held.
func (s *payers) letGo() {
	for _, a := range s.holds {
		a.mu.Lock()
		a.heldBack--
		a.mu.Unlock()
	}
	s.holds = nil
}
