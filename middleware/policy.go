package middleware

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
)

// policies is a direct-mapped cache of texts of RateLimit-Policy. All keys of a plan have
// the same text on one route while its windows last, except a key whose quota was
// extended.
//
// A policy is found by the address of its first limit. That is safe for two reasons. A
// Gate returns the same slice of limits for all decisions of a plan and route while its
// windows last, and never changes it: see gate.Outcome.Limits. And a policy holds the
// address, so no other slice can have it while the policy is in the cache.
//
// Before there was a cache, making the texts of both fields was 30 % of a request through
// the middleware. With it, it is 17 % of a shorter one.
type policies struct {
	seed  maphash.Seed
	slots [256]atomic.Pointer[policy]
}

// policy is the text for some limits, and how much each of the limits allowed.
type policy struct {
	first *gate.Limit
	max   []int64
	names []string // as Strings of a structured field
	text  string
}

// appendLevels appends the items of RateLimit to text, which is empty, and returns the
// RateLimit-Policy that goes with them. A policy that is not in the cache replaces the
// one that has its slot.
func (p *policies) appendLevels(text []byte, d *gate.Decision, limits []gate.Limit, waits waiting) (string, []byte) {
	first := &limits[0]
	slot := &p.slots[maphash.Comparable(p.seed, first)%uint64(len(p.slots))]
	if cached := slot.Load(); cached != nil && cached.first == first {
		if all, ok := cached.appendLevels(text, d, limits, waits); ok {
			return cached.text, all
		}
	}
	made := newPolicy(d, limits)
	slot.Store(made)
	text, _ = made.appendLevels(text, d, limits, waits)
	return made.text, text
}

// appendLevels appends the items of RateLimit. It reports whether the limits of the
// decision allow as much as the policy says: the slice of limits is shared, but an
// extension changes a quota for one key. It asks for each Level once, because a Decision
// works it out when it is asked.
func (p *policy) appendLevels(text []byte, d *gate.Decision, limits []gate.Limit, waits waiting) (all []byte, ok bool) {
	for i := range limits {
		limit := &limits[i]
		if limit.Soft {
			continue
		}
		level := d.Level(i)
		if level.Max != p.max[i] {
			return nil, false
		}
		text = appendLevel(append(appendComma(text), p.names[i]...), limit, level, waits)
	}
	return text, true
}

// newPolicy makes the text for the limits of a decision.
func newPolicy(d *gate.Decision, limits []gate.Limit) *policy {
	p := &policy{first: &limits[0]}
	var text []byte
	for i := range limits {
		limit := &limits[i]
		most := d.Level(i).Max
		name := appendString(nil, policyName(limit))
		p.max = append(p.max, most)
		p.names = append(p.names, string(name))
		if !limit.Soft { // a client need not heed a soft limit
			text = appendPolicy(append(appendComma(text), name...), limit, most)
		}
	}
	p.text = string(text)
	return p
}

// appendPolicy appends the parameters of an item of RateLimit-Policy.
func appendPolicy(b []byte, limit *gate.Limit, most int64) []byte {
	if limit.IsQuota() {
		b = appendParam(b, ";q=", most)
		if w := limit.End.Sub(limit.Start); w <= 8*24*time.Hour { // months and years differ in length
			b = appendParam(b, ";w=", seconds(w))
		}
		return b
	}
	if limit.Rate.Tokens == 0 {
		return appendParam(b, ";q=", most)
	}
	const second = 1_000_000
	// The time to fill the bucket is in µs. The product is below 2^53.
	fill := ceilDiv(most*limit.Rate.Per, limit.Rate.Tokens)
	if fill >= second {
		b = appendParam(b, ";q=", most)
		return appendParam(b, ";w=", ceilDiv(fill, second))
	}
	b = appendParam(b, ";q=", perSecond(limit.Rate))
	b = append(b, ";w=1"...)
	return appendParam(b, ";ration-burst=", most)
}

// perSecond returns the whole tokens that a rate gives in a second, at most maxInteger.
func perSecond(r store.Rate) int64 {
	hi, lo := bits.Mul64(uint64(r.Tokens), 1_000_000)
	if hi >= uint64(r.Per) {
		return maxInteger
	}
	q, _ := bits.Div64(hi, lo, uint64(r.Per))
	return int64(min(q, maxInteger))
}

func ceilDiv(n, d int64) int64 { return (n + d - 1) / d }
