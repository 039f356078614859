package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// decider identifies a decision of a request by the Middleware that made it, and the
// target of the request as the client sent it. The target is the same in all copies of
// the request. A request that a handler makes, such as a part of a batch, has no target,
// and is never recognized. A decider is a part of each Result, so it is small.
type decider struct {
	mw     *Middleware
	target string
}

// deciderKey is the context key by which a Middleware asks for a decision of the same
// Gate and stage. Its pointer is the key, since a pointer in an interface needs no
// allocation.
type deciderKey Middleware

// answers reports whether d has the Gate and the stage of the Middleware behind key.
func (d *decider) answers(key *deciderKey) bool {
	return d.mw != nil && d.mw.gate == key.gate && d.mw.cfg.API == key.cfg.API && d.mw.cfg.Stage == key.cfg.Stage
}

// decided reports whether the same Gate has decided r before, for the same stage and key.
// That happens if a request passes through the middleware twice. The inner middleware has
// no effect then, which is a mistake in the configuration, so the Logger is warned once.
func (m *Middleware) decided(r *http.Request) bool {
	c, _ := r.Context().Value((*deciderKey)(m)).(*deciding)
	if c == nil || c.by.target == "" || c.by.target != r.RequestURI || c.by.mw != m && !m.finds(r, c.decision) {
		return false
	}
	if m.cfg.Logger != nil && !m.twice.Swap(true) {
		m.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "ration: a request passes through the middleware of one Gate twice: "+
			"it is charged once, by the outer one; the inner one has no effect; use another Gate or remove one of them")
	}
	return true
}

// finds reports whether the credential that m finds belongs to the key of a decision.
// Another Middleware may look for another credential, which is not verified yet.
func (m *Middleware) finds(r *http.Request, d *gate.Decision) bool {
	found, err := m.cfg.Credential(r)
	if err != nil || found.none() || d.Key == nil {
		return false
	}
	if found.Secret == "" {
		return found.KeyID == d.Key.ID
	}
	return d.Key.Accepts(apikey.DigestOf(string(found.Secret)), time.Now()) == nil
}

// NewContext returns the context of r with the Decision. Callers of Check pass it to the
// next handler, as Handler does. A second Check of the same request by the same Gate then
// finds that the request was charged already.
func (res *Result) NewContext(r *http.Request) context.Context {
	if res.Skipped {
		return r.Context()
	}
	return &deciding{Context: r.Context(), decision: &res.Decision, by: decider{res.mw, r.RequestURI}}
}
