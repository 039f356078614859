package usageplan

import (
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
)

// entry is what is known of one secret, or of one key id: the key and what its plans allow. What each decision reads is
// together: with many keys, each line of memory that it touches counts.
type entry struct {
	digest  apikey.Digest
	until   int64 // when it is too old to be believed, by resolver.micros
	enabled bool
	mortal  bool        // the key or this secret will expire
	used    atomic.Bool // since the cache's sweep came by
	plans   []binding   // oldest link first
	first   [1]binding  // what plans usually is made of

	key     *apikey.Key
	retires time.Time // when this secret dies though its key does not; zero: never
	next    *entry    // of the same key, in the cache
}

// binding is one of a key's plans, and the subject that pays under it.
type binding struct {
	subject   string
	allowance *allowance
}

// fresh says whether e may be believed at an instant, by resolver.micros.
func (e *entry) fresh(now int64) bool {
	for i := range e.plans {
		if e.plans[i].allowance.stale.Load() {
			return false
		}
	}
	return now < e.until
}

// usable is zero, or why the key may not be used.
func (e *entry) usable(at time.Time) Reason {
	switch {
	case !e.enabled:
		return Disabled
	case !e.mortal:
	case !e.key.Expires.IsZero() && !at.Before(e.key.Expires):
		return Expired
	case !e.retires.IsZero() && !at.Before(e.retires):
		return Unknown
	}
	return 0
}

// binding is the plan that counts on a stage: one that names it, else one that names none; of equals the oldest link's.
func (e *entry) binding(stage Stage) *binding {
	var other *binding
	for i := range e.plans {
		b := &e.plans[i]
		named := b.allowance.plan.Stages
		if len(named) == 0 {
			if other == nil {
				other = b
			}
			continue
		}
		for j := range named {
			if named[j] == stage {
				return b
			}
		}
	}
	return other
}

// idDigest is the cache's name of a key that a caller knows by its id. No secret has it: a secret's digest is of text.
func idDigest(id string) apikey.Digest {
	var b [96]byte
	return sha256.Sum256(append(append(b[:0], "\x00id\x00"...), id...))
}
