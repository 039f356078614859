package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/limiter"
)

// UsageConfig configures the handler that Usage returns. The zero UsageConfig is ready
// for use.
type UsageConfig struct {
	// Limit is how often each key may ask. It is counted in this process, apart from the
	// limits of the key. The default is one request a second with a burst of 10.
	Limit limiter.Limit

	// ShowSoft shows soft limits, with the member "soft". By default clients do not see
	// them, as in the RateLimit fields: a client need not heed a limit that is only tried.
	ShowSoft bool
}

// Usage returns a handler that tells a client its own usage: where each limit of its key
// stands, the last windows of its quotas, its usage by day, and whether a request of some
// cost fits now, or when. Mount it beside the API, for example at "GET /usage/me". The
// answer is JSON, see docs/own-usage.md. It has the limits of the groups above the key
// only with Config.ShowGroups.
//
// A request needs the same credential as one of the API, and is refused in the same way
// without it, or from elsewhere than apikey.Key.Networks. It needs no scope. It is
// charged nothing, and is answered also when the limits of the key are used up. Each key
// may ask as often as UsageConfig.Limit says. Then the answer is 429.
//
// Do not mount the handler inside Middleware.Handler, which would charge for it.
//
// The error wraps ErrInvalid.
func (m *Middleware) Usage(cfg UsageConfig) (http.Handler, error) {
	if cfg.Limit == (limiter.Limit{}) {
		cfg.Limit = limiter.Limit{Rate: 1, Burst: 10}
	}
	u := &ownUsage{Middleware: m, cfg: cfg}
	if cfg.Limit.Unlimited() {
		return u, nil
	}
	meter, err := cfg.Limit.Meter("usage")
	if err == nil && (meter.Max == 0 || meter.Rate.Tokens == 0) {
		err = errors.New("blocks everything: want a rate and a burst")
	}
	if err != nil {
		return nil, fault.Report(ErrInvalid, "usage", fault.In("limit", err))
	}
	u.asked = newKeyBuckets(meter)
	return u, nil
}

// An ownUsage is the handler that Usage returns.
type ownUsage struct {
	*Middleware
	cfg   UsageConfig
	asked *keyBuckets // nil if there is no limit
}

// ServeHTTP answers a request for a client's own usage.
//
// The key is identified first, so that all refusals of keys look the same, whatever the
// query is. A key that was identified is limited before any count is read.
func (u *ownUsage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		u.problem(w, r, newProblem(http.StatusMethodNotAllowed, "Usage is read with GET or HEAD."))
		return
	}
	x := new(exchange)
	var found Credential
	u.identify(w, r, x, &found)
	if !x.Allowed() {
		u.refuse(w, r, x)
		return
	}
	if wait := u.asked.take(x.Decision.Key.ID, time.Now()); wait > 0 {
		setRetryAfter(w.Header(), seconds(wait))
		u.problem(w, r, newProblem(http.StatusTooManyRequests, fmt.Sprintf("The usage is asked for too often. Try again in %d s.", seconds(wait))))
		return
	}
	q, faults := u.parse(r, &found)
	if len(faults) > 0 {
		p := newProblem(http.StatusBadRequest, "The query is malformed.")
		p.Errors = faults
		u.problem(w, r, p)
		return
	}
	u.answer(w, r, x, &found, q)
}

// identify asks the Gate who makes the request.
func (u *ownUsage) identify(w http.ResponseWriter, r *http.Request, x *exchange, found *Credential) {
	if u.mayRead && refusal.HasBody(r) {
		defer refusal.Within(w, r, u.Middleware.cfg.BodyTimeout)()
	}
	x.mw, x.jitter = u.Middleware, u.Middleware.cfg.draw()
	if u.refusesInsecure(r, &x.Result, found) {
		return
	}
	malformed, err := u.extract(r, found)
	if err != nil {
		x.fail(err)
	} else {
		req := u.request(r, found)
		wait := u.guesses.guard(r, &req)
		x.Decision.Outcome, x.Err = u.gate.Identify(r.Context(), req)
		u.guesses.note(r, &req, &x.Decision.Outcome, wait)
		u.failures.noteIdentified(r.Context(), &x.Result)
	}
	u.conclude(r, found, &x.Result, malformed)
}

// request returns the request of a credential to the Gate. Every key may read its own
// usage, whatever its Scopes are.
func (u *ownUsage) request(r *http.Request, found *Credential) gate.Request {
	req := gate.Request{
		Secret: found.Secret,
		KeyID:  found.KeyID,
		API:    u.Middleware.cfg.API,
		Stage:  u.Middleware.cfg.Stage,
	}
	u.locate(r, &req)
	return req
}

// usageTimeout bounds the reading of one answer. Reports of a Gate have no bound of their
// own.
const usageTimeout = 5 * time.Second

// answer answers a request of a known key.
func (u *ownUsage) answer(w http.ResponseWriter, r *http.Request, x *exchange, found *Credential, q *usageQuery) {
	req := u.request(r, found)
	req.Class, req.Route, req.Costs = q.class, q.route, q.costs
	ctx, cancel := context.WithTimeout(r.Context(), usageTimeout)
	defer cancel()
	usage, err := u.gate.Usage(ctx, req, q.UsageQuery)
	u.failures.noteUsage(r.Context(), err, &x.Decision)
	if err != nil {
		setRetryAfter(w.Header(), 1)
		u.problem(w, r, newProblem(http.StatusServiceUnavailable, "The usage could not be read."))
		return
	}
	if o := &usage.Outcome; !o.Allowed && keyRefused(o.Reason) { // since it was identified
		x.Decision.Outcome = *o
		u.conclude(r, found, &x.Result, nil)
		u.refuse(w, r, x)
		return
	}
	writeUsage(w, r, u.body(&usage, q))
}

// keyRefused reports whether a reason is about the key, and not about its limits.
func keyRefused(why gate.Reason) bool {
	switch why {
	case gate.Admitted, gate.Throttled, gate.QuotaExceeded, gate.NeverFits:
		return false
	}
	return true
}

// problem answers a request with p. It does not wait for the request's body.
func (u *ownUsage) problem(w http.ResponseWriter, r *http.Request, p *problem) {
	refusal.Unread(w, r)
	refusal.NoStore(w.Header())
	p.write(w)
}
