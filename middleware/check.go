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
	if len(m.public) > 0 && m.public[rt.pattern] || isPreflight(r) && rt.passesPreflight(mux) || m.decided(r) {
		res.Skipped = true
		m.watch.observe(r, mux.ServeMux, rt.pattern, nil)
		return
	}
	malformed, err := m.extract(r, found)
	if err == nil {
		m.decide(r, rt, found, res)
		m.failures.noteDecision(r.Context(), res)
	}
	m.conclude(r, found, res, malformed, err)
	m.watch.observe(r, mux.ServeMux, rt.pattern, res.Decision.Plan)
	if m.watch != nil {
		for p := range res.Decision.GroupPlans() {
			m.watch.observe(r, mux.ServeMux, rt.pattern, p)
		}
	}
}

// extract finds the credential of r. A malformed one is decided, and answered, like none.
// Its fault is returned for the log. Any other error says that the Extractor failed.
func (m *Middleware) extract(r *http.Request, found *Credential) (malformed, err error) {
	err = m.credential(r, found)
	if errors.Is(err, ErrCredential) {
		*found, malformed, err = Credential{}, err, nil
	}
	m.failures.noteCredential(r.Context(), err)
	return malformed, err
}

// conclude completes the Result of a decision, and logs a refusal. failed is the error of
// the Extractor.
func (m *Middleware) conclude(r *http.Request, found *Credential, res *Result, malformed, failed error) {
	if failed != nil {
		res.Err = failed
		res.Decision.Reason = gate.StoreFailed
	}
	if !res.Decision.Allowed {
		res.Status = m.statusOf(&res.Decision.Outcome)
		res.challenge(found, malformed)
		res.unread = func(w http.ResponseWriter) { refusal.Unread(w, r) } // fmt cannot print a function's variables
		m.logRefusal(r.Context(), &res.Decision, found, malformed)
	}
}

// decide asks the Gate about a request of known credential and route.
func (m *Middleware) decide(r *http.Request, rt route, found *Credential, res *Result) {
	req := gate.Request{
		Secret: found.Secret, KeyID: found.KeyID,
		API: m.cfg.API, Stage: m.cfg.Stage, Route: nameOf(rt.pattern),
	}
	if m.cfg.ID != nil {
		req.ID = m.cfg.ID(r)
	}
	if m.cfg.Class != nil {
		req.Class = m.cfg.Class(r)
	}
	if m.isFree(r, rt.redirected) {
		res.Decision, res.Err = m.gate.Peek(r.Context(), req)
		admitFree(&res.Decision)
		return
	}
	if m.cfg.Costs != nil {
		req.Costs = m.cfg.Costs(r)
	}
	res.Decision, res.Err = m.gate.Admit(r.Context(), req)
}

// statusOf returns the status of a refusal.
func (m *Middleware) statusOf(o *gate.Outcome) int {
	switch o.Reason {
	case gate.Unknown, gate.Disabled, gate.Expired:
		return http.StatusUnauthorized
	case gate.NoPlan, gate.NoGroup, gate.NeverFits:
		return http.StatusForbidden
	case gate.Throttled, gate.QuotaExceeded:
		if m.cfg.SharedStatus != 0 && refusedByAll(o) {
			return m.cfg.SharedStatus
		}
		return http.StatusTooManyRequests
	case gate.StoreFailed:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
