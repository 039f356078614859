package middleware

import (
	"math/bits"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
)

// policies is the texts of RateLimit-Policy that were written lately. One plan and route
// have the same for all of their keys while its windows last, but for a key whose quota
// was extended.
type policies struct {
	texts [64]atomic.Pointer[policy]
}

// policy is the text for some limits, which are known by where the first of them is, and
// by how much each allows.
type policy struct {
	limits *gate.Limit
	max    []int64
	names  []string // as Strings of a structured field
	text   string
}

// of is the policy of a decision, made anew if it was not seen lately.
func (p *policies) of(d *gate.Decision, limits []gate.Limit) *policy {
	address := uint64(reflect.ValueOf(&limits[0]).Pointer()) // for a place only: what is there is compared
	place := &p.texts[address*0x9E3779B97F4A7C15>>58]
	if known := place.Load(); known != nil && known.is(d, limits) {
		return known
	}
	made := newPolicy(d, limits)
	place.Store(made)
	return made
}

func (p *policy) is(d *gate.Decision, limits []gate.Limit) bool {
	if p.limits != &limits[0] {
		return false
	}
	for i := range p.max {
		if d.Level(i).Max != p.max[i] {
			return false
		}
	}
	return true
}

func newPolicy(d *gate.Decision, limits []gate.Limit) *policy {
	p := &policy{limits: &limits[0]}
	var text []byte
	for i := range limits {
		limit, most := &limits[i], d.Level(i).Max
		name := appendString(nil, policyName(limit))
		p.max, p.names = append(p.max, most), append(p.names, string(name))
		if i > 0 {
			text = append(text, ", "...)
		}
		text = appendPolicy(append(text, name...), limit, most)
	}
	p.text = string(text)
	return p
}

// appendPolicy appends the parameters of an item of RateLimit-Policy.
func appendPolicy(b []byte, limit *gate.Limit, most int64) []byte {
	if limit.IsQuota() {
		b = appendParam(b, ";q=", most)
		if w := limit.End.Sub(limit.Start); w <= 8*24*time.Hour { // those of months and years differ
			b = appendParam(b, ";w=", seconds(w))
		}
		return b
	}
	if limit.Rate.Tokens == 0 {
		return appendParam(b, ";q=", most)
	}
	const second = 1_000_000
	if fill := ceilDiv(most*limit.Rate.Per, limit.Rate.Tokens); fill >= second { // in microseconds; the product is below 2^53
		b = appendParam(b, ";q=", most)
		return appendParam(b, ";w=", ceilDiv(fill, second))
	}
	b = appendParam(b, ";q=", perSecond(limit.Rate))
	b = append(b, ";w=1"...)
	return appendParam(b, ";ration-burst=", most)
}

// perSecond is the whole tokens of a second, clamped.
func perSecond(r store.Rate) int64 {
	hi, lo := bits.Mul64(uint64(r.Tokens), 1_000_000)
	if hi >= uint64(r.Per) {
		return maxInteger
	}
	q, _ := bits.Div64(hi, lo, uint64(r.Per))
	return int64(min(q, maxInteger))
}

func ceilDiv(n, d int64) int64 { return (n + d - 1) / d }
