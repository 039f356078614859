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

// passed is a request that a LimitBy has admitted.
type passed struct {
	by     *limitBy
	mark   limited // the context of the next handler
	again  bool    // the same limiter has let the request pass before
	res    limiter.Result
	writer streaming
}

func newPassed(by *limitBy, r *http.Request) *passed {
	return &passed{by: by, mark: limited{Context: r.Context(), limiter: by.limiter, target: r.RequestURI}}
}

// WriteHeaders implements fields.
func (p *passed) WriteHeaders(h http.Header) { p.by.writeHeaders(h, &p.res) }

func (p *passed) shown() (omitHeaders bool, xRateLimit XRateLimit) {
	return p.by.OmitHeaders, p.by.XRateLimit
}

// serve calls next with a writer that completes the fields, if there are any.
func (p *passed) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if p.again {
		next.ServeHTTP(w, r)
		return
	}
	inner := r.WithContext(&p.mark)
	defer reveal(inner, r)
	if p.by.OmitHeaders && p.by.XRateLimit == XRateLimitOff {
		next.ServeHTTP(w, inner)
		return
	}
	p.writer.watchBody(inner, r)
	p.writer.authorization = len(r.Header[authorization]) > 0
	next.ServeHTTP(p.writer.over(w, p), inner)
	p.writer.sent(http.StatusOK)
}
