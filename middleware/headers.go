package middleware

import (
	"net/http"
	"strconv"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// WriteHeaders sets the fields that go with the result: its RateLimit fields and those of a
// refusal. Where a throttle that all clients share refuses, the client's own RateLimit fields
// are left out: what remains to the client is of no use to it, and contradicts Retry-After.
func (res *Result) WriteHeaders(h http.Header) {
	if res.Decision.SharedLimit() == "" {
		if !res.mw.cfg.OmitHeaders {
			res.writeLimits(h)
		}
		if res.mw.cfg.Legacy != NoLegacy {
			res.writeLegacy(h)
		}
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

// writeLimits sets RateLimit-Policy, whose text is known but for the first time, and RateLimit.
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
		level := d.Level(i)
		text = appendParam(append(text, policy.names[i]...), ";r=", level.Remaining())
		if wait := untilMore(&limits[i], &level); wait > 0 && wait != store.Never {
			text = appendParam(text, ";t=", seconds(wait))
		}
	}
	res.values[0], res.values[1] = policy.text, string(text)
	h["Ratelimit-Policy"], h["Ratelimit"] = res.values[0:1:1], res.values[1:2:2]
}

// untilMore is how long until more is available: the next token of a throttle, the end of a quota's window. It is zero for
// a full throttle, and store.Never where waiting does not help.
func untilMore(limit *usageplan.Limit, l *store.Level) time.Duration {
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
	// All that is missing but the next token takes a time that is known exactly.
	rest := (l.Used - 1) * limit.Rate.Per / limit.Rate.Tokens
	next := l.Reset - time.Duration(rest)*time.Microsecond
	if l.Wait > 0 {
		next = min(next, l.Wait)
	}
	return next
}

// seconds is d rounded up to whole seconds.
func seconds(d time.Duration) int64 {
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	return s
}
