package usageplan

import (
	"crypto/sha256"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
)

// entry is what is known of one secret, or of one key id: the key and what its plans allow. With many keys each line of
// memory that a decision touches counts: an entry is two of them, which a test holds.
type entry struct {
	digest apikey.Digest
	until  time.Duration // when it is too old to be believed, by the Gate's clock
	always bool          // usable whenever it is: enabled, and neither the key nor this secret will expire
	used   atomic.Bool   // since the cache's sweep came by
	plan   binding       // of the oldest link; none: no allowance
	others []binding     // of the other links, oldest first

	key     *apikey.Key
	retires *time.Time // when this secret dies though its key does not; nil: never
	next    *entry     // of the same key, in the cache
}

// binding is one of a key's plans, and the subject that pays under it; without an allowance, none.
type binding struct {
	subject   string
	allowance *allowance
	place     atomic.Uint64 // where the Counter found the subject last: decisions share the entry
}

// stale says that the plan has changed since it was read.
func (b *binding) stale() bool { return b.allowance != nil && b.allowance.stale.Load() }

// bind is for links in their order.
func (e *entry) bind(subject string, a *allowance) {
	b := &e.plan
	if b.allowance != nil {
		e.others = append(e.others, binding{})
		b = &e.others[len(e.others)-1]
	}
	b.subject, b.allowance = subject, a
}

// fresh says whether e may be believed, by the Gate's clock.
func (e *entry) fresh(now time.Duration) bool {
	stale := e.plan.stale()
	for i := range e.others {
		stale = stale || e.others[i].stale()
	}
	return now < e.until && !stale
}

// usable is zero, or why the key may not be used.
func (e *entry) usable(at time.Time) Reason {
	if e.always {
		return 0
	}
	return e.mortal(at)
}

func (e *entry) mortal(at time.Time) Reason {
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

// binding is the plan that counts on a stage: one that names it, else one that is for every stage; of equals the oldest
// link's.
func (e *entry) binding(stage Stage) *binding {
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

// fits is how well the plan fits a stage: 2 if it names it, 1 if it is for every stage, 0 if it is not for this one.
func (b *binding) fits(stage Stage) int {
	switch {
	case b.allowance == nil:
	case b.allowance.plan.everywhere():
		return 1
	case slices.Contains(b.allowance.plan.Stages, stage):
		return 2
	}
	return 0
}

// idDigest is the cache's name of a key that a caller knows by its id. No secret has it: a secret's digest is of text.
func idDigest(id string) apikey.Digest {
	var b [96]byte
	return sha256.Sum256(append(append(b[:0], "\x00id\x00"...), id...))
}
