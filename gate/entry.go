package gate

import (
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// entry is what the Gate knows of one secret, or of one key ID: the key, and what its
// plans allow. Its fields do not change once it is in the cache, except for the atomic
// ones, next and failures.
//
// With many keys each cache line that a decision touches is a cache miss. An entry takes
// two cache lines, and TestEntrySize holds it to that.
type entry struct {
	fingerprint fingerprint
	until       atomic.Int64 // fresh before it; in nanoseconds by the Gate's clock
	permanent   bool         // usable at any time: it is enabled, and nothing will expire
	plansUnread bool         // refused when it was read, so its plans were not read
	networked   bool         // the key has Networks
	used        atomic.Bool  // since cache.evict last passed it
	first       binding      // of the oldest link; without an allowance if there is no link
	extra       *extra       // nil if the key is in no group and has at most one link

	key  *apikey.Key
	next *entry // the next entry of the same key, in cache.byKey

	// Few decisions read these.
	retires  *time.Time    // when this secret expires before its key does, or nil
	read     time.Duration // when the oldest part was read, by the Gate's clock
	failures int           // look-ups that have failed since; guarded by resolver.mu
}

// An extra has what only some keys have. Others do not pay for it.
type extra struct {
	others []binding // of all links but the oldest, oldest first
	group  *node     // the key's group, or nil

	// unplanned is for the stages where the key has no plan of its own: the key's use is
	// only counted, and its groups may have limits. It is nil if no such request is
	// admitted.
	unplanned *binding

	secret *secretRecord // of the entry's secret while the key has two; otherwise nil

	missing []*atomic.Bool // the flags of plans that a link names and that do not exist
}

// changed reports whether one of the plans and groups of x has changed since it was read.
func (x *extra) changed() bool {
	for i := range x.others {
		if x.others[i].stale() {
			return true
		}
	}
	for _, created := range x.missing {
		if created.Load() {
			return true
		}
	}
	return x.group.changed()
}

// eachFlag calls mark with each flag that tells e of a change.
func (e *entry) eachFlag(mark func(*atomic.Bool)) {
	each := func(b *binding) {
		if b.allowance != nil {
			mark(b.allowance.stale)
		}
		mark(b.changed)
	}
	each(&e.first)
	if e.extra == nil {
		return
	}
	for i := range e.extra.others {
		each(&e.extra.others[i])
	}
	for _, flag := range e.extra.missing {
		mark(flag)
	}
	for n := e.extra.group; n != nil; n = n.above {
		mark(n.stale)
		if n.allowance != nil {
			mark(n.allowance.stale)
		}
	}
}

// ensureExtra returns e.extra, which it makes if there is none.
func (e *entry) ensureExtra() *extra {
	if e.extra == nil {
		e.extra = new(extra)
	}
	return e.extra
}

// group returns the key's group, or nil.
func (e *entry) group() *node {
	if e.extra == nil {
		return nil
	}
	return e.extra.group
}

// newEntry returns the entry of a key that was read to answer q. d is the digest of the
// secret, if q has one.
//
// Security: newEntry returns nil if the key does not accept d, so a wrong index of a
// store lets nobody in. An entry exists only for a secret whose SHA-256 was compared.
func newEntry(q *query, d apikey.Digest, key *apikey.Key) *entry {
	e := &entry{fingerprint: q.fingerprint, key: key, read: q.now}
	if q.id == "" && !key.Digest.Equal(&d) {
		if !key.Retiring.Equal(&d) || key.RetiringUntil.IsZero() { // the rule of Key.Accepts
			return nil
		}
		e.retires = &key.RetiringUntil
	}
	if q.id == "" && q.at.Before(key.RetiringUntil) {
		e.recordSecret(&d)
	}
	e.networked = len(key.Networks) > 0
	e.permanent = key.Enabled && key.Expires.IsZero() && e.retires == nil
	return e
}

// binding is one of a key's plans, and the subject that pays under it. Without an
// allowance it stands for no plan.
type binding struct {
	subject   string
	allowance *allowance

	// place is where the Counter found the subject last. The next charge passes it on, so
	// that a store in memory need not look the subject up. A store checks it: a wrong place
	// costs only the look-up. It is atomic because concurrent decisions share the entry.
	place atomic.Uint64

	// changed is set when the key or a link of it has changed, also after the entry was read
	// again. It is nil unless Settle asks for it.
	changed *atomic.Bool
}

// outdated reports whether the limits have changed since they were read.
func (b *binding) outdated() bool {
	return b.allowance.stale.Load() || b.changed != nil && b.changed.Load()
}

// stale reports whether the plan has changed since it was read.
func (b *binding) stale() bool { return b.allowance != nil && b.allowance.stale.Load() }

// addBinding adds a plan. It must be called in the order of the links, oldest first. The
// first plan lies in the entry itself, so a key with one plan needs no further cache
// line.
func (e *entry) addBinding(subject string, a *allowance) *binding {
	b := &e.first
	if b.allowance != nil {
		x := e.ensureExtra()
		x.others = append(x.others, binding{})
		b = &x.others[len(x.others)-1]
	}
	b.subject, b.allowance = subject, a
	return b
}

// fresh reports whether e may be used without being read again.
func (e *entry) fresh(now time.Duration) bool {
	return int64(now) < e.until.Load() && !e.changed()
}

// changed reports whether one of e's plans and groups has changed since it was read.
func (e *entry) changed() bool {
	return e.first.stale() || e.extra != nil && e.extra.changed()
}

// lasts reports whether e may be used while its store cannot be read. An entry of a key
// that has changed is not in the cache, so only the plans and groups are checked.
func (e *entry) lasts(now, maxStale time.Duration) bool {
	return now < e.read+maxStale && !e.changed()
}

// usable returns zero, or the reason why the key may not be used. It is small enough to
// be inlined, so that a key that never expires costs one comparison.
func (e *entry) usable(at time.Time) Reason {
	if e.permanent {
		return 0
	}
	return e.refusal(at)
}

// refusal is the slow path of usable.
func (e *entry) refusal(at time.Time) Reason {
	switch {
	case !e.key.Enabled:
		return Disabled
	case !e.key.Expires.IsZero() && !at.Before(e.key.Expires):
		return Expired
	case e.retires != nil && !at.Before(*e.retires):
		return Unknown
	}
	return 0
}

// bindingFor returns the plan that counts on an API stage, or nil. A plan that names the
// stage comes before a plan that is for every stage. Among equals the plan of the oldest
// link counts.
func (e *entry) bindingFor(stage usageplan.Stage) *binding {
	best, fits := &e.first, e.first.fits(stage)
	if e.extra != nil {
		for i := range e.extra.others {
			if b := &e.extra.others[i]; b.fits(stage) > fits {
				best, fits = b, b.fits(stage)
			}
		}
	}
	if fits == 0 {
		return nil
	}
	return best
}

// fits returns what allowance.fits does, and 0 without a plan.
func (b *binding) fits(stage usageplan.Stage) int {
	if b.allowance == nil {
		return 0
	}
	return b.allowance.fits(stage)
}
