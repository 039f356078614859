package middleware

import (
	"net/http"
	"slices"
	"time"
	"unsafe"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/store"
)

// WriteHeaders sets the header fields of the result: its RateLimit fields and, for a
// refusal, the fields of a refusal. The RateLimit fields show the limits of the key, and
// with Config.ShowGroups those of its groups. They leave out soft limits, which a client
// need not heed. Limits that Gate.Enforce has turned off are shown.
//
// If only limits refuse that are not shown, such as a shared throttle, the RateLimit and
// X-RateLimit fields are left out. The client could not use what remains to it, and the
// figures would contradict Retry-After.
func (res *Result) WriteHeaders(h http.Header) {
	if !res.Allowed() {
		if s := res.retryAfter(); s > 0 {
			setRetryAfter(h, s)
		}
	}
	if by, refused := res.Decision.RefusedBy(); !refused || res.shows(by) {
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
	if res.authenticate != "" {
		h.Set("WWW-Authenticate", res.authenticate)
	}
}

// shows reports whether the RateLimit fields show the limits of a payer.
func (res *Result) shows(payer gate.Payer) bool {
	return payer.Kind == gate.PayerKey || payer.Kind == gate.PayerGroup && res.mw.cfg.ShowGroups
}

// shown implements fields.
func (res *Result) shown() (omitHeaders bool, xRateLimit XRateLimit) {
	return res.mw.cfg.OmitHeaders, res.mw.cfg.XRateLimit
}

// writeLimits sets RateLimit-Policy, whose text is mostly cached, and RateLimit.
func (res *Result) writeLimits(h http.Header) {
	d := &res.Decision
	limits := d.Limits()
	waits := waiting{refused: !res.Allowed(), jitter: res.jitter}
	var (
		buf      [256]byte
		text     = buf[:0]
		policies string
	)
	if len(limits) > 0 {
		policies, text = res.mw.policies.appendLevels(text, d, limits, waits)
	}
	if res.mw.cfg.ShowGroups {
		policies, text = appendGroups(policies, text, d, waits)
	}
	if len(text) == 0 {
		return
	}
	res.values[0], res.values[1] = policies, res.keepText(text)
	setLimits(h, &res.values)
}

// keepText returns text as a string. If it is short, as with one or two limits, its bytes
// are in the Result and need no allocation. Nothing writes to them again: a second text,
// for the same header or another one, is allocated.
func (res *Result) keepText(text []byte) string {
	if len(text) > len(res.room) || res.values[1] != "" {
		return string(text)
	}
	n := copy(res.room[:], text)
	return unsafe.String(&res.room[0], n)
}

// appendGroups adds the limits of the groups to the values of RateLimit-Policy and
// RateLimit. Their names begin with the ID of the group, since two groups may have limits
// of one name. It allocates only if there are any.
func appendGroups(policies string, text []byte, d *gate.Decision, waits waiting) (string, []byte) {
	var buf [256]byte
	all := append(buf[:0], policies...)
	for l := range d.GroupLevels() {
		if l.Soft {
			continue
		}
		name := groupPolicy(&l)
		all = appendPolicy(appendString(appendComma(all), name), &l.Limit, l.Max)
		text = appendLevel(appendString(appendComma(text), name), &l.Limit, l.Level, waits)
	}
	if len(all) == len(policies) {
		return policies, text
	}
	return string(all), text
}

// groupPolicy returns the name of a group's limit, such as "acme/month". An ID of a group
// has no slash, so limits of two groups never have one name.
func groupPolicy(l *gate.Level) string { return l.Payer.ID + "/" + policyName(&l.Limit) }

// appendComma separates the next item of a list from those before it.
func appendComma(b []byte) []byte {
	if len(b) > 0 {
		b = append(b, ", "...)
	}
	return b
}

// appendLevel appends the parameters of one item of RateLimit. After a refusal, a limit
// that did not refuse has no effective window: Retry-After should not be earlier than the
// end of one.
func appendLevel(b []byte, limit *gate.Limit, level store.Level, waits waiting) []byte {
	b = appendParam(b, ";r=", level.Remaining())
	if wait := effectiveWindow(limit, level); wait > 0 && wait != store.Never && (!waits.refused || level.Wait > 0) {
		if limit.IsQuota() {
			wait += waits.jitter
		}
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

// effectiveWindow returns the time within which a client can use no more than what
// remains. It ends with the next token of a throttle, or with the window of a quota. It
// is 0 for a full throttle, and store.Never if waiting does not help.
func effectiveWindow(limit *gate.Limit, l store.Level) time.Duration {
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
