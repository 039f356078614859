package middleware

import (
	"math/bits"
	"net/http"
	"strconv"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// WriteHeaders sets the fields that go with the result, its RateLimit fields and those of a refusal.
func (res *Result) WriteHeaders(h http.Header) {
	if !res.mw.cfg.OmitHeaders {
		res.writeLimits(h)
	}
	if res.mw.cfg.Legacy != NoLegacy {
		res.writeLegacy(h)
	}
	if res.Allowed() {
		return
	}
	h.Set("Cache-Control", "no-store")
	if res.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", res.mw.challenge)
	}
	if s := res.retryAfter(); s > 0 {
		h.Set("Retry-After", strconv.FormatInt(s, 10))
	}
}

// retryAfter is the seconds to wait, zero if that does not help.
func (res *Result) retryAfter() int64 {
	switch res.Status {
	case http.StatusServiceUnavailable:
		return 1
	case http.StatusTooManyRequests:
		return seconds(res.Decision.RetryAfter)
	}
	return 0
}

// writeLimits sets RateLimit-Policy and RateLimit. Both are cut from one string.
func (res *Result) writeLimits(h http.Header) {
	var policyBuf, limitBuf [256]byte
	policies, limits := policyBuf[:0], limitBuf[:0]
	for l := range res.Decision.Levels() {
		if len(policies) > 0 {
			policies, limits = append(policies, ", "...), append(limits, ", "...)
		}
		policies, limits = appendPolicy(policies, &l), appendLevel(limits, &l)
	}
	if cut := len(policies); cut > 0 {
		both := string(append(policies, limits...))
		res.values = [2]string{both[:cut], both[cut:]}
		h["Ratelimit-Policy"], h["Ratelimit"] = res.values[0:1:1], res.values[1:2:2]
	}
}

// appendPolicy appends the item of RateLimit-Policy.
func appendPolicy(b []byte, l *usageplan.Level) []byte {
	b = appendString(b, policyName(l))
	if l.IsQuota() {
		b = appendParam(b, ";q=", l.Max)
		if w := l.End.Sub(l.Start); w <= 8*24*time.Hour { // those of months and years differ
			b = appendParam(b, ";w=", seconds(w))
		}
		return b
	}
	if l.Rate.Tokens == 0 {
		return appendParam(b, ";q=", l.Max)
	}
	const second = 1_000_000
	if fill := ceilDiv(l.Max*l.Rate.Per, l.Rate.Tokens); fill >= second { // in microseconds; the product is below 2^53
		b = appendParam(b, ";q=", l.Max)
		return appendParam(b, ";w=", ceilDiv(fill, second))
	}
	b = appendParam(b, ";q=", perSecond(l.Rate))
	b = append(b, ";w=1"...)
	return appendParam(b, ";ration-burst=", l.Max)
}

// appendLevel appends the item of RateLimit.
func appendLevel(b []byte, l *usageplan.Level) []byte {
	b = appendParam(appendString(b, policyName(l)), ";r=", l.Remaining())
	if wait := untilMore(l); wait > 0 && wait != store.Never {
		b = appendParam(b, ";t=", seconds(wait))
	}
	return b
}

// untilMore is how long until more is available: the next token of a throttle, the end of a quota's window. It is zero for
// a full throttle, and store.Never where waiting does not help.
func untilMore(l *usageplan.Level) time.Duration {
	switch {
	case l.Max == 0:
		return store.Never
	case l.IsQuota():
		return l.Reset
	case l.Rate.Tokens == 0 || l.Reset == store.Never:
		return store.Never
	case l.Used == 0:
		return 0
	}
	// All that is missing but the next token takes a time that is known exactly.
	rest := (l.Used - 1) * l.Rate.Per / l.Rate.Tokens
	next := l.Reset - time.Duration(rest)*time.Microsecond
	if l.Wait > 0 {
		next = min(next, l.Wait)
	}
	return next
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

// seconds is d rounded up to whole seconds.
func seconds(d time.Duration) int64 {
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	return s
}
