package gate

import (
	"crypto/sha256"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// entry is what is known of one secret, or of one key id: the key and what its plans
// allow. With many keys each line of memory that a decision touches counts: an entry is
// two of them, which a test holds.
type entry struct {
	digest    apikey.Digest
	until     atomic.Int64 // when it is to be read again, by the Gate's clock, in nanoseconds
	permanent bool         // usable whenever it is: enabled, and neither the key nor this secret will expire
	planless  bool         // the key was refused when it was read, so its plans were not looked at
	used      atomic.Bool  // since the cache's sweep came by
	plan      binding      // of the oldest link; none: no allowance
	others    []binding    // of the other links, oldest first

	key     *apikey.Key
	history *history
	next    *entry // of the same key, in the cache
}

// history is the part of an entry that few decisions look at.
type history struct {
	retires  *time.Time    // when this secret dies though its key does not; nil: never
	read     time.Duration // when the key and all of its plans were believed last, by the Gate's clock
	failures int           // look-ups that have failed since; the resolver's lock guards it
}

// newEntry returns the entry of a key that was read at now. It is nil if the key does not
// accept the digest d of a secret, whatever the store's index says; d is of an id if byID
// is true.
func newEntry(d apikey.Digest, byID bool, key *apikey.Key, now time.Duration) *entry {
	e := &entry{digest: d, key: key, history: &history{read: now}}
	if !byID && !key.Digest.Equal(&d) {
		if !key.Retiring.Equal(&d) || key.RetiringUntil.IsZero() { // as Key.Accepts has it
			return nil
		}
		e.history.retires = &key.RetiringUntil
	}
	e.permanent = key.Enabled && key.Expires.IsZero() && e.history.retires == nil
	return e
}

// binding is one of a key's plans, and the subject that pays under it; without an
// allowance, none.
type binding struct {
	subject   string
	allowance *allowance
	place     atomic.Uint64 // where the Counter found the subject last: decisions share the entry
}

// stale says that the plan has changed since it was read.
func (b *binding) stale() bool { return b.allowance != nil && b.allowance.stale.Load() }

// bind is for links in their order.
func (e *entry) addBinding(subject string, a *allowance) {
	b := &e.plan
	if b.allowance != nil {
		e.others = append(e.others, binding{})
		b = &e.others[len(e.others)-1]
	}
	b.subject, b.allowance = subject, a
}

// fresh reports whether e may be believed without being read again.
func (e *entry) fresh(now time.Duration) bool {
	return int64(now) < e.until.Load() && !e.changed()
}

// changed reports whether one of e's plans has changed since it was read.
func (e *entry) changed() bool {
	changed := e.plan.stale()
	for i := range e.others {
		changed = changed || e.others[i].stale()
	}
	return changed
}

// lasts reports whether e may be used while the directory cannot be read. A key that has
// changed is not in the cache.
func (e *entry) lasts(now, maxStale time.Duration) bool {
	return now < e.history.read+maxStale && !e.changed()
}

// usable is zero, or why the key may not be used.
func (e *entry) usable(at time.Time) Reason {
	if e.permanent {
		return 0
	}
	return e.refusal(at)
}

func (e *entry) refusal(at time.Time) Reason {
	switch {
	case !e.key.Enabled:
		return Disabled
	case !e.key.Expires.IsZero() && !at.Before(e.key.Expires):
		return Expired
	case e.history.retires != nil && !at.Before(*e.history.retires):
		return Unknown
	}
	return 0
}

// binding is the plan that counts on a stage: one that names it, else one that is for
// every stage; of equals the oldest link's.
func (e *entry) bindingFor(stage usageplan.Stage) *binding {
	best, fits := &e.plan, e.plan.fits(stage)
	for i := range e.others {
		if b := &e.others[i]; b.fits(stage) > fits {
			best, fits = b, b.fits(stage)
		}
	}
	if fits == 0 {
		return nil
	}
	return best
}

// fits is how well the plan fits a stage: 2 if it names it, 1 if it is for every stage, 0
// if it is not for this one.
func (b *binding) fits(stage usageplan.Stage) int {
	switch {
	case b.allowance == nil:
	case len(b.allowance.plan.Stages) == 0 && !b.allowance.plan.Detached:
		return 1
	case slices.Contains(b.allowance.plan.Stages, stage):
		return 2
	}
	return 0
}

// idDigest is the cache's name of a key that a caller knows by its id. No secret has it:
// a secret's digest is of text.
func idDigest(id string) apikey.Digest {
	var b [96]byte
	return sha256.Sum256(append(append(b[:0], "\x00id\x00"...), id...))
}
