package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// target is what a request asks for. The method and the target that the client sent are
// those of the request as the middleware got it, which only outer handlers can change.
// All copies of a request share their URL, so the path is kept apart.
type target struct {
	request *http.Request
	path    string
}

func targetOf(r *http.Request) target { return target{r, r.URL.Path} }

// strip makes inner, a copy of the request from which a credential was removed, part of
// the target.
func (t *target) strip(inner *http.Request) {
	if t.request.RequestURI != inner.RequestURI {
		t.request = &http.Request{Method: t.request.Method, RequestURI: inner.RequestURI}
	}
}

// includes reports whether r is still the request with this target. All copies of a
// request have the RequestURI. A request that a handler makes, such as a part of a batch,
// has none, and is never recognized. If the handler makes it by Request.Clone, the method
// or the path is another. Only http.StripPrefix may have shortened the path.
func (t *target) includes(r *http.Request) bool {
	was := t.request
	return was.RequestURI != "" && was.RequestURI == r.RequestURI && was.Method == r.Method && strings.HasSuffix(t.path, r.URL.Path)
}

// deciderKey is the context key by which a Middleware asks for a decision of the same
// Gate and stage. Its pointer is the key, since a pointer in an interface needs no
// allocation.
type deciderKey Middleware

// answers reports whether m has the Gate and the stage of the Middleware behind key.
func (m *Middleware) answers(key *deciderKey) bool {
	return m.gate == key.gate && m.cfg.API == key.cfg.API && m.cfg.Stage == key.cfg.Stage
}

// decided reports whether the same Gate has decided r before, for the same stage and key.
// That happens if a request passes through the middleware twice. The inner middleware has
// no effect then, with two exceptions. Insecure.Refuse was asked before. And the scope of
// its route counts: the outer one may not have known that. If the key lacks it, res is a
// refusal. A second charge would be a mistake in the configuration, so the Logger is
// warned once.
func (m *Middleware) decided(r *http.Request, rt *route, res *Result) bool {
	c, _ := r.Context().Value((*deciderKey)(m)).(*deciding)
	if c == nil || !c.target.includes(r) || !admits(&c.res.Decision) || !m.sameKey(r, c) {
		return false
	}
	key := c.res.Decision.Key
	scope, err := m.scopeOf(r, rt)
	if err != nil || scope != "" && key == nil {
		return false
	}
	if scope != "" && !key.HasScope(scope) {
		res.Decision.Reason, res.Decision.Key = gate.ScopeMissing, key
		res.authenticate = m.challenges.lackingScope(scope)
		m.conclude(r, &Credential{KeyID: key.ID}, res, nil)
		return true
	}
	if !m.twice.Load() && !m.twice.Swap(true) {
		m.warnOfTwice(r.Context())
	}
	return true
}

// Before returns the Decision that a Middleware outside, with the same Gate and stage,
// has made about the request that ctx belongs to, and the request as that Middleware got
// it. It returns nil twice if there is none.
//
// It is for adapters that call Check with a request of their own, as package rpc does.
// Check only takes their request for the same one if it has the Method and the RequestURI
// that Before returns, and if the path of the one ends in that of the other.
func (m *Middleware) Before(ctx context.Context) (*gate.Decision, *http.Request) {
	c, _ := ctx.Value((*deciderKey)(m)).(*deciding)
	if c == nil {
		return nil, nil
	}
	return &c.res.Decision, c.target.request
}

func (m *Middleware) warnOfTwice(ctx context.Context) {
	m.gate.NoteMistake(gate.DecidedTwice)
	if m.cfg.Logger != nil {
		m.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "ration: a request passes through the middleware of one Gate twice: "+
			"it is charged once, by the outer one; the inner one has no effect; use another Gate or remove one of them")
	}
}

// admits reports whether d lets a request pass an inner middleware. Check may have
// refused the request, or admitted it free of charge.
func admits(d *gate.Decision) bool {
	return d.Allowed && (d.Charged || d.Repeated || d.Reason != gate.Admitted)
}

// sameKey reports whether the credential that m finds belongs to the key of a decision.
// Another Middleware may look for another credential, which is not verified yet. The same
// Middleware may have removed the credential, but must find no other.
func (m *Middleware) sameKey(r *http.Request, c *deciding) bool {
	found, err := m.cfg.Credential(r)
	key := c.res.Decision.Key
	switch {
	case err != nil || found.none() || key == nil:
		return c.res.mw == m
	case found.Secret == "":
		return found.KeyID == key.ID
	}
	return key.Accepts(apikey.DigestOf(string(found.Secret)), time.Now()) == nil
}

// NewContext returns the context of r with the Decision. Callers of Check pass it to the
// next handler, as Handler does. A second Check of the same request by the same Gate then
// finds that the request was charged already.
func (res *Result) NewContext(r *http.Request) context.Context {
	if res.Skipped {
		return r.Context()
	}
	return &deciding{r.Context(), res, targetOf(r)}
}
