package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// passed is a request on its way through a LimitBy.
type passed struct {
	by      *limitBy
	last    *counted // the last limit that counts the request; nil if there is none
	first   counted
	more    []counted // by LimitConfig.Also
	failed  bool      // OnFailure has decided, so nothing is known of the levels
	closed  bool      // OnFailure has refused
	refuser int8      // the limit that refused with the longest wait, or -1
	writer  streaming
}

// counted is what one limit says about a request.
type counted struct {
	mark limited // the context of the next handler, or a part of it
	due  bool    // the limit counts the request, and has not admitted it before
	res  limiter.Result
}

func newPassed(by *limitBy, r *http.Request) *passed {
	p := &passed{by: by}
	p.first.mark = limited{Context: r.Context(), limiter: by.limits[0].Limiter, target: targetOf(r)}
	if by.set != nil {
		p.more = make([]counted, len(by.Also))
	}
	return p
}

// at returns what the i-th limit says.
func (p *passed) at(i int) *counted {
	if i == 0 {
		return &p.first
	}
	return &p.more[i-1]
}

// add adds a limit and its key, unless the limit has admitted the request before.
func (p *passed) add(i int, key string, r *http.Request) {
	c, l := p.at(i), p.by.limits[i]
	if i > 0 {
		c.mark = limited{Context: r.Context(), limiter: l.Limiter, target: p.first.mark.target}
	}
	if p.last != nil {
		c.mark.Context = &p.last.mark
	}
	if c.mark.before(key, r) {
		p.by.warnOfTwice(r.Context(), l)
		return
	}
	c.due, p.last = true, c
}

// charge asks the limits. Several are asked in one step.
func (p *passed) charge(ctx context.Context) (err error) {
	set := p.by.set
	if set == nil {
		p.first.res, err = p.first.mark.limiter.Allow(ctx, p.first.mark.key)
		return err
	}
	results := make([]limiter.Result, len(p.by.limits))
	if _, err = set.Allow(ctx, p.keys(), results); err == nil {
		for i, res := range results {
			p.at(i).res = res
		}
	}
	return err
}

// keys returns the keys of the limits that count the request, and "" for the others.
func (p *passed) keys() []string {
	keys := make([]string, len(p.by.limits))
	for i := range keys {
		if c := p.at(i); c.due {
			keys[i] = c.mark.key
		}
	}
	return keys
}

// decideByPolicy decides instead of the Counter, which failed with err. A client that has
// gone is not admitted.
func (p *passed) decideByPolicy(ctx context.Context, err error) {
	p.failed = true
	policy := p.by.OnFailure
	if errors.Is(err, store.ErrFull) || ctx.Err() != nil {
		policy = gate.FailClosed
	}
	now := time.Now()
	for i, l := range p.by.limits {
		c := p.at(i)
		switch {
		case !c.due:
		case policy == gate.FailOpen:
			c.res = limiter.Result{Allowed: true}
		case policy == gate.FailLocal:
			wait := l.takeLocal(c.mark.key, now)
			c.res = limiter.Result{Allowed: wait == 0, RetryAfter: wait}
		default:
			p.closed = true
		}
	}
}

// conclude finds the limit that refused with the longest wait. It sets refuser to the
// index of that limit, or to -1 if none has refused.
func (p *passed) conclude() {
	p.refuser = -1
	var longest time.Duration
	for i := range p.by.limits {
		if wait := p.at(i).res.RetryAfter; wait > longest {
			p.refuser, longest = int8(i), wait
		}
	}
}

// decision returns what the Observer is told.
func (p *passed) decision(err error) LimitDecision {
	d := LimitDecision{Err: err}
	by := int(p.refuser)
	if by >= 0 {
		d.Wait = p.at(by).res.RetryAfter
	} else {
		for by = 0; !p.at(by).due; by++ {
		}
		d.Allowed = !p.closed
	}
	d.Limit = p.by.limits[by].Limiter.Name()
	return d
}

// refusal returns the answer to a request that is refused, or nil if it is admitted.
func (p *passed) refusal(h http.Header) *problem {
	if p.closed {
		setRetryAfter(h, 1)
		return newProblem(http.StatusServiceUnavailable, "The limit could not be checked.")
	}
	if p.refuser < 0 {
		return nil
	}
	answer := newProblem(http.StatusForbidden, "This is blocked.")
	longest := p.at(int(p.refuser)).res.RetryAfter
	if longest != store.Never {
		wait := seconds(longest)
		setRetryAfter(h, wait)
		answer = &problem{Type: quotaExceeded, Title: quotaExceededTitle, Status: http.StatusTooManyRequests,
			Detail: fmt.Sprintf("The limit is reached. Try again in %d s.", wait)}
	}
	for i, l := range p.by.limits {
		if wait := p.at(i).res.RetryAfter; wait > 0 && (longest != store.Never || wait == store.Never) {
			answer.Violated = append(answer.Violated, l.Limiter.Name())
		}
	}
	return answer
}

// serve calls next with a writer that completes the fields, if there are any.
func (p *passed) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if p.last == nil {
		next.ServeHTTP(w, r)
		return
	}
	inner := r.WithContext(&p.last.mark)
	defer reveal(inner, r)
	refunds := p.by.ChargeIf != nil && !p.failed
	if p.by.OmitHeaders && p.by.XRateLimit == XRateLimitOff && !refunds {
		next.ServeHTTP(w, inner)
		return
	}
	p.writer.watchBody(inner, r)
	p.writer.authorization = len(r.Header[authorization]) > 0
	if refunds {
		p.serveRefunding(next, w, inner)
		return
	}
	next.ServeHTTP(p.writer.over(w, p), inner)
	p.writer.sent(http.StatusOK)
}

// serveRefunding calls next, and gives the tokens back if LimitConfig.ChargeIf says so.
func (p *passed) serveRefunding(next http.Handler, w http.ResponseWriter, r *http.Request) {
	status := http.StatusInternalServerError // in case next panics
	defer func() { p.settle(r.Context(), status) }()
	next.ServeHTTP(p.writer.over(w, p), r)
	status = p.writer.end(r.Context())
}

// settle gives the tokens back if the answer does not count and the client is still
// connected.
func (p *passed) settle(ctx context.Context, status int) {
	if ctx.Err() == context.Canceled || p.by.ChargeIf(status) {
		return
	}
	var err error
	if set := p.by.set; set != nil {
		err = set.Refund(ctx, p.keys())
	} else {
		err = p.first.mark.limiter.Refund(ctx, p.first.mark.key, 1)
	}
	p.by.noteRefund(context.WithoutCancel(ctx), err)
}
