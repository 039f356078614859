package middleware

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/store"
)

// WriteHeaders sets the header fields of the result: its RateLimit fields and, for a
// refusal, the fields of a refusal. The RateLimit fields show the limits of the key. If
// only limits of others refuse, such as those of a group or a shared throttle, these
// fields are left out. The client could not use what remains to it, and the figures would
// contradict Retry-After.
func (res *Result) WriteHeaders(h http.Header) {
	if by, refused := res.Decision.RefusedBy(); !refused || by.Kind == gate.PayerKey {
		if !res.mw.cfg.OmitHeaders {
			res.writeLimits(h)
		}
		if res.mw.cfg.XRateLimit != XRateLimitOff {
			res.writeXRateLimit(h)
		}
	}
	if res.Allowed() {
		return
	}
	refusal.NoStore(h)
	if res.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", res.mw.challenge)
	}
	if s := res.retryAfter(); s > 0 {
		h.Set("Retry-After", strconv.FormatInt(s, 10))
	}
}

// shown implements fields.
func (res *Result) shown() (omitHeaders bool, xRateLimit XRateLimit) {
	return res.mw.cfg.OmitHeaders, res.mw.cfg.XRateLimit
}

// retryAfter returns the number of seconds to wait, or 0 if waiting does not help.
func (res *Result) retryAfter() int64 {
	switch res.Status {
	case http.StatusServiceUnavailable:
		return 1
	case http.StatusTooManyRequests:
		return seconds(res.Decision.RetryAfter)
	}
	return 0
}

// writeLimits sets RateLimit-Policy, whose text is mostly cached, and RateLimit.
func (res *Result) writeLimits(h http.Header) {
	d := &res.Decision
	limits := d.Limits()
	if len(limits) == 0 {
		return
	}
	policy := res.mw.policies.of(d, limits)
	var buf [256]byte
	text := buf[:0]
	for i := range limits {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = appendLevel(append(text, policy.names[i]...), &limits[i], d.Level(i))
	}
	res.values[0], res.values[1] = policy.text, string(text)
	setLimits(h, &res.values)
}

// appendLevel appends the parameters of one item of RateLimit.
func appendLevel(b []byte, limit *gate.Limit, level store.Level) []byte {
	b = appendParam(b, ";r=", level.Remaining())
	if wait := untilMore(limit, level); wait > 0 && wait != store.Never {
		b = appendParam(b, ";t=", seconds(wait))
	}
	return b
}

// setLimits sets RateLimit-Policy and RateLimit to these values. If the header has other
// policies, such as those of an outer LimitBy, the values become further lines of the
// same lists.
func setLimits(h http.Header, values *[2]string) {
	policies := h["Ratelimit-Policy"]
	if len(policies) == 0 || len(policies) == 1 && policies[0] == values[0] {
		h["Ratelimit-Policy"], h["Ratelimit"] = values[0:1:1], values[1:2:2]
		return
	}
	limits := h["Ratelimit"]
	if i := slices.Index(policies, values[0]); i >= 0 && i < len(limits) {
		limits[i] = values[1]
		return
	}
	h["Ratelimit-Policy"], h["Ratelimit"] = append(policies, values[0]), append(limits, values[1])
}

// untilMore returns the time until more is available: the next token of a throttle, or
// the end of a quota's window. It is 0 for a full throttle, and store.Never if waiting
// does not help.
func untilMore(limit *gate.Limit, l store.Level) time.Duration {
	switch {
	case l.Max == 0:
		return store.Never
	case limit.IsQuota():
		return l.Reset
	case limit.Rate.Tokens == 0 || l.Reset == store.Never:
		return store.Never
	case l.Used == 0:
		return 0
	}
	// Reset is the time until the bucket is full. All missing tokens but the next one take
	// a time that is known exactly, so the remainder is the wait for the next one.
	rest := (l.Used - 1) * limit.Rate.Per / limit.Rate.Tokens
	next := l.Reset - time.Duration(rest)*time.Microsecond
	if l.Wait > 0 {
		next = min(next, l.Wait)
	}
	return next
}

// seconds returns d in seconds, rounded up.
func seconds(d time.Duration) int64 {
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	return s
}
