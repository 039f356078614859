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
func (l *keyedLimit) show() *shownLimit {
	now := l.Limiter.Limit()
	if s := l.shown.Load(); s != nil && s.of == now {
		return s
	}
	s := &shownLimit{of: now, limit: gate.Limit{Name: l.Limiter.Name()}}
	if meter, err := now.Meter(l.Limiter.Name()); err == nil {
		s.limit.Rate = meter.Rate
		name := appendString(nil, policyName(&s.limit))
		s.name, s.policy = string(name), string(appendPolicy(name, &s.limit, meter.Max))
	}
	l.shown.Store(s)
	return s
}

// WriteHeaders implements fields. It sets none for a limit that is none, and none if the
// Counter failed.
func (p *passed) WriteHeaders(h http.Header) {
	if p.failed {
		return
	}
	waits := waiting{refused: p.refuser >= 0}
	for i, l := range p.by.limits {
		if c := p.at(i); c.due && !p.by.OmitHeaders {
			l.writeHeaders(h, &c.res, waits)
		}
	}
	if p.by.XRateLimit != XRateLimitOff {
		p.writeXRateLimit(h)
	}
}

// writeHeaders sets the RateLimit fields of a decision of one limit.
func (l *keyedLimit) writeHeaders(h http.Header, res *limiter.Result, waits waiting) {
	s := l.show()
	if s.policy == "" || res.Limit == store.Unlimited {
		return
	}
	var buf [64]byte
	text := appendLevel(append(buf[:0], s.name...), &s.limit, levelOf(res), waits)
	setLimits(h, &[2]string{s.policy, string(text)})
}

// writeXRateLimit sets the X-RateLimit fields to the limit that refused with the longest
// wait, or else to the one with the least remaining.
func (p *passed) writeXRateLimit(h http.Header) {
	var tight *limiter.Result
	for i := range p.by.limits {
		c := p.at(i)
		switch {
		case !c.due || c.res.Limit == store.Unlimited:
		case tight == nil, c.res.RetryAfter > tight.RetryAfter,
			c.res.RetryAfter == tight.RetryAfter && c.res.Remaining < tight.Remaining:
			tight = &c.res
		}
	}
	if tight != nil {
		level := levelOf(tight)
		p.by.XRateLimit.set(h, &level)
	}
}

func levelOf(res *limiter.Result) store.Level {
	return store.Level{Max: res.Limit, Used: res.Limit - res.Remaining, Wait: res.RetryAfter, Reset: res.Reset}
}

func (p *passed) shown() (omitHeaders bool, xRateLimit XRateLimit) {
	return p.by.OmitHeaders, p.by.XRateLimit
}
