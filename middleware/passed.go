package middleware

import (
	"net/http"

	"github.com/ration-go/ration/limiter"
)

// passed is a request that a LimitBy has admitted.
type passed struct {
	by     *limitBy
	mark   limited // the context of the next handler
	again  bool    // the same limiter has let the request pass before
	res    limiter.Result
	writer streaming
}

func newPassed(by *limitBy, r *http.Request) *passed {
	return &passed{by: by, mark: limited{Context: r.Context(), limiter: by.limiter, target: targetOf(r)}}
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
