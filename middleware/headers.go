package middleware

import (
	"cmp"
	"math/bits"
	"net/http"
	"strconv"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// Legacy is whether X-RateLimit-Limit, -Remaining and -Reset are written, which no standard describes: of the limit that
// refused longest, else of the one with the least remaining. Reset is when the quota's window ends or the bucket is full.
type Legacy uint8

// What X-RateLimit-Reset is.
const (
	NoLegacy    Legacy = iota
	LegacyDelta        // seconds from now
	LegacyEpoch        // Unix seconds
)

// maxInteger is the largest Integer of a structured field (RFC 9651 section 3.3.1).
const maxInteger = 999_999_999_999_999

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
		h["Www-Authenticate"] = res.mw.challenge[:1:1]
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
		return max(1, seconds(res.Decision.RetryAfter))
	}
	return 0
}

// writeLimits sets RateLimit-Policy and RateLimit. Both are cut from one string.
func (res *Result) writeLimits(h http.Header) {
	var buf [256]byte
	b := buf[:0]
	for l := range res.Decision.Levels() {
		b = appendPolicy(separate(b, 0), l)
	}
	cut := len(b)
	if cut == 0 {
		return
	}
	for l := range res.Decision.Levels() {
		b = appendLevel(separate(b, cut), l)
	}
	all := string(b)
	res.values = [2]string{all[:cut], all[cut:]}
	h["Ratelimit-Policy"], h["Ratelimit"] = res.values[0:1:1], res.values[1:2:2]
}

// separate appends what stands between the items of a list that begins at start.
func separate(b []byte, start int) []byte {
	if len(b) == start {
		return b
	}
	return append(b, ", "...)
}

// appendPolicy appends the item of RateLimit-Policy.
func appendPolicy(b []byte, l usageplan.Level) []byte {
	b = appendString(b, l.Name)
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
func appendLevel(b []byte, l usageplan.Level) []byte {
	b = appendParam(appendString(b, l.Name), ";r=", l.Remaining())
	if wait := untilMore(l); wait > 0 && wait != store.Never {
		b = appendParam(b, ";t=", seconds(wait))
	}
	return b
}

// untilMore is how long until more is available: the next token of a throttle, the end of a quota's window. It is zero for
// a full throttle, and store.Never where waiting does not help.
func untilMore(l usageplan.Level) time.Duration {
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

func appendParam(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), min(n, maxInteger), 10)
}

// appendString appends s as a String (RFC 9651 section 3.3.3). What that cannot hold is percent-encoded.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~':
			b = append(b, '%', hex[c>>4], hex[c&15])
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

func (res *Result) writeLegacy(h http.Header) {
	l, ok := tightest(&res.Decision)
	if !ok {
		return
	}
	h.Set("X-RateLimit-Limit", strconv.FormatInt(l.Max, 10))
	h.Set("X-RateLimit-Remaining", strconv.FormatInt(l.Remaining(), 10))
	if l.Reset == store.Never {
		return
	}
	reset := seconds(l.Reset)
	if res.mw.cfg.Legacy == LegacyEpoch {
		reset = time.Now().Add(l.Reset).Add(time.Second - 1).Unix() // rounded up
	}
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset, 10))
}

// tightest is the limit that refused longest, else the one with the least remaining.
func tightest(d *usageplan.Decision) (tight usageplan.Level, ok bool) {
	for l := range d.Levels() {
		order := cmp.Or(-cmp.Compare(l.Wait, tight.Wait), cmp.Compare(l.Remaining(), tight.Remaining()), -cmp.Compare(l.Reset, tight.Reset))
		if !ok || order < 0 {
			tight, ok = l, true
		}
	}
	return tight, ok
}
