package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// decider is the Middleware that made the decision of a context, and the target of the
// request that it was made for, as the client has sent it: a request is known by it
// through all of its copies. A request that a handler makes by itself, such as a part of
// a batch, has none, and is never known again. A decider is a part of each Result, so it
// is small.
type decider struct {
	mw     *Middleware
	target string
}

// deciderKey is the key of a context by which a Middleware asks for a decision of the
// same stage of the same Gate. A pointer as the key costs no memory.
type deciderKey Middleware

// answers reports whether d is the decider that the owner of the key asks for.
func (d *decider) answers(key *deciderKey) bool {
	return d.mw != nil && d.mw.gate == key.gate && d.mw.cfg.API == key.cfg.API && d.mw.cfg.Stage == key.cfg.Stage
}

// decided reports whether r was decided by the same Gate, for the same stage and key,
// before. It is when the middleware stands twice in the way of a request. That the second
// one has no effect is a mistake in the set-up, so the Logger is warned, once.
func (m *Middleware) decided(r *http.Request) bool {
	c, _ := r.Context().Value((*deciderKey)(m)).(*deciding)
	if c == nil || c.by.target == "" || c.by.target != r.RequestURI || c.by.mw != m && !m.finds(r, c.decision) {
		return false
	}
	if m.cfg.Logger != nil && !m.twice.Swap(true) {
		m.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "ration: a request comes through the middleware of one Gate twice: "+
			"it is charged once, by the outer one; the inner one has no effect; use another Gate or remove one of them")
	}
	return true
}

// finds reports whether the credential that m finds is that of the key of a decision.
// Another Middleware may look for another credential, which nobody has verified yet.
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

// NewContext returns the context of r with the Decision. It is for callers of Check: they
// give it to the next handler, as Handler does. A second Check of the same request by the
// same Gate then finds that the request is charged already.
func (res *Result) NewContext(r *http.Request) context.Context {
	if res.Skipped {
		return r.Context()
	}
	return &deciding{Context: r.Context(), decision: &res.Decision, by: decider{res.mw, r.RequestURI}}
}
