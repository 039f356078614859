package middleware

import (
	"net/http"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// shownLimit is how the RateLimit fields show the limit of a limiter.
type shownLimit struct {
	of     limiter.Limit
	limit  gate.Limit
	name   string // as a String of a structured field
	policy string
}

// show returns how the limit is shown. It makes that anew only after the limit has
// changed.
func (b *limitBy) show() *shownLimit {
	now := b.limiter.Limit()
	if s := b.shown.Load(); s != nil && s.of == now {
		return s
	}
	s := &shownLimit{of: now, limit: gate.Limit{Name: b.limiter.Name()}}
	if meter, err := now.Meter(b.limiter.Name()); err == nil {
		s.limit.Rate = meter.Rate
		name := appendString(nil, policyName(&s.limit))
		s.name, s.policy = string(name), string(appendPolicy(name, &s.limit, meter.Max))
	}
	b.shown.Store(s)
	return s
}

// writeHeaders sets the RateLimit fields of a decision. It sets none if there is no
// limit.
func (b *limitBy) writeHeaders(h http.Header, res *limiter.Result) {
	s := b.show()
	if s.policy == "" || res.Limit == store.Unlimited {
		return
	}
	level := store.Level{Max: res.Limit, Used: res.Limit - res.Remaining, Wait: res.RetryAfter, Reset: res.Reset}
	if !b.OmitHeaders {
		var buf [64]byte
		text := appendLevel(append(buf[:0], s.name...), &s.limit, level)
		setLimits(h, &[2]string{s.policy, string(text)})
	}
	if b.XRateLimit != XRateLimitOff {
		b.XRateLimit.set(h, &level)
	}
}
