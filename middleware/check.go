package middleware

import (
	"errors"
	"net/http"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/refusal"
)

// Check decides a request, and charges it if it is admitted, as Handler does. It writes
// nothing. A caller that is not an http.Handler goes on with Result.WriteHeaders and
// Result.NewContext, and with Gate.Refund if it refunds. The pattern of the route comes
// from Config.Route, or else from Config.Mux, or else from Request.Pattern.
func (m *Middleware) Check(r *http.Request) *Result {
	res := new(Result)
	var found Credential
	m.check(r, knownMux{ServeMux: m.cfg.Mux}, res, &found)
	return res
}

// check is Check with two more parameters. It fills in found, the credential, unless that
// is malformed. The Result has no credential, so that a caller that prints one does not
// reveal a secret.
func (m *Middleware) check(r *http.Request, mux knownMux, res *Result, found *Credential) {
	res.mw, res.jitter = m, m.cfg.draw()
	rt := m.routeOf(r, mux)
	open := len(m.public) > 0 && m.isPublic(&rt) || isPreflight(r) && rt.passesPreflight(mux)
	if !open && m.refusesInsecure(r, res, found) {
		return
	}
	if open || m.decided(r, &rt, res) {
		res.Skipped = res.Decision.Reason == 0
		m.watch.observe(r, mux.ServeMux, rt.shown(), nil)
		return
	}
	malformed, err := m.extract(r, found)
	if err != nil {
		res.fail(err)
	} else {
		m.decide(r, rt, found, res)
		if res.Decision.Key != nil { // made-up keys must not use up what is looked at
			m.exposures.observe(r, &m.proxies)
		}
		m.failures.noteDecision(r.Context(), res)
	}
	m.conclude(r, found, res, malformed)
	m.watch.observe(r, mux.ServeMux, rt.shown(), res.Decision.Plan)
	if m.watch != nil {
		for p := range res.Decision.GroupPlans() {
			m.watch.observe(r, mux.ServeMux, rt.shown(), p)
		}
	}
}

// extract finds the credential of r. A malformed one is decided, and answered, like none.
// Its fault is returned for the log. Any other error says that the Extractor failed.
func (m *Middleware) extract(r *http.Request, found *Credential) (malformed, err error) {
	err = m.credential(r, found)
	if err != nil && errors.Is(err, ErrCredential) {
		*found, malformed, err = Credential{}, err, nil
	}
	m.failures.noteCredential(r.Context(), err)
	return malformed, err
}

// fail makes res the Result of a request whose Extractor failed.
func (res *Result) fail(err error) {
	res.Err = err
	res.Decision.Reason = gate.StoreFailed
}

// conclude completes the Result of a request that is refused, and logs the refusal. It is
// small enough to be inlined.
func (m *Middleware) conclude(r *http.Request, found *Credential, res *Result, malformed error) {
	if !res.Decision.Allowed {
		m.concludeRefusal(r, found, res, malformed)
	}
}

func (m *Middleware) concludeRefusal(r *http.Request, found *Credential, res *Result, malformed error) {
	res.Status = m.statusOf(&res.Decision.Outcome)
	res.challenge(found, malformed)
	res.unread = func(w http.ResponseWriter) { refusal.Unread(w, r) } // fmt cannot print a function's variables
	m.logRefusal(r.Context(), &res.Decision, found, malformed)
	m.warnOfProxy(r, res.Decision.Reason)
}

// decide asks the Gate about a request of known credential and route.
func (m *Middleware) decide(r *http.Request, rt route, found *Credential, res *Result) {
	var req gate.Request
	if res.Err = m.describe(r, &rt, found, &req); res.Err != nil {
		res.Decision.Reason = gate.Invalid
		return
	}
	if m.cfg.ID != nil {
		req.ID = m.cfg.ID(r)
	}
	wait := m.guesses.guard(r, &req)
	m.ask(r, rt, &req, res)
	m.guesses.note(r, &req, &res.Decision.Outcome, wait)
	m.noteScope(r, &req, res)
}

// describe fills in what req asks for, apart from what is charged. It returns an error
// if the scope cannot be known. A Request that is returned instead costs a few percent of
// a whole request.
func (m *Middleware) describe(r *http.Request, rt *route, found *Credential, req *gate.Request) (err error) {
	req.Secret, req.KeyID = found.Secret, found.KeyID
	req.API, req.Stage = m.cfg.API, m.cfg.Stage
	req.Route = nameOf(rt.pattern)
	m.locate(r, req)
	if req.Scope, err = m.scopeOf(r, rt); err == nil && m.cfg.Class != nil {
		req.Class = m.cfg.Class(r)
	}
	return err
}

// noteScope adds the scope to the challenge of a key that lacks it, and tells the watch
// of scopes. It is small enough to be inlined.
func (m *Middleware) noteScope(r *http.Request, req *gate.Request, res *Result) {
	if m.scopes != nil || res.Decision.Reason == gate.ScopeMissing {
		m.examineScope(r, req, res)
	}
}

func (m *Middleware) examineScope(r *http.Request, req *gate.Request, res *Result) {
	if res.Decision.Reason == gate.ScopeMissing {
		res.authenticate = m.challenges.lackingScope(req.Scope)
	}
	m.scopes.observe(r.Context(), m.gate, req.Scope, &res.Decision.Outcome)
}

// ask asks the Gate about a request. A free one is charged nothing.
func (m *Middleware) ask(r *http.Request, rt route, req *gate.Request, res *Result) {
	if m.isFree(r, rt.redirected) {
		res.Decision, res.Err = m.gate.Peek(r.Context(), *req)
		admitFree(&res.Decision)
		return
	}
	if m.cfg.Costs != nil {
		req.Costs = m.cfg.Costs(r)
	}
	res.Err = m.gate.AdmitInto(r.Context(), req, &res.Decision)
}

// statusOf returns the status of a refusal.
func (m *Middleware) statusOf(o *gate.Outcome) int {
	switch o.Reason {
	case gate.Unknown, gate.Disabled, gate.Expired:
		return http.StatusUnauthorized
	case gate.NoPlan, gate.NoGroup, gate.NeverFits, gate.ScopeMissing, gate.AddressRefused:
		return http.StatusForbidden
	case gate.Throttled, gate.QuotaExceeded:
		if m.cfg.SharedStatus != 0 && refusedByAll(o) {
			return m.cfg.SharedStatus
		}
		return http.StatusTooManyRequests
	case gate.NotCached:
		return http.StatusTooManyRequests
	case gate.StoreFailed:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
