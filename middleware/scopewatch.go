package middleware

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/ration-go/ration/gate"
)

const (
	maxScopes    = 1024 // that are watched
	lackedScope  = 10   // refusals before a warning
	scopeUnasked = "ration: a key has Scopes, and Config has neither RouteScopes nor Scope: no request needs a scope"
	scopeUnknown = "ration: requests need a scope that no key of a request has had: do Config and the Scopes of the keys spell it alike?"
)

// A scopeWatch warns of scopes that have no effect, or that no key has. Both look like a
// refusal, or like nothing at all, where a typing error is. It is nil if there is no
// Logger. Then observe does nothing.
type scopeWatch struct {
	log     *slog.Logger
	asked   bool // the Config asks for scopes
	unasked atomic.Bool
	scopes  readMap[*scopeUse]
}

// A scopeUse is what is known of a scope that requests need.
type scopeUse struct {
	granted atomic.Bool
	refused atomic.Int64
}

func newScopeWatch(cfg Config) *scopeWatch {
	if cfg.Logger == nil {
		return nil
	}
	return &scopeWatch{log: cfg.Logger, asked: cfg.asksForScopes()}
}

// observe looks at the decision of a request that needed a scope, or none. It is small
// enough to be inlined, so it costs nothing without a Logger.
func (w *scopeWatch) observe(ctx context.Context, g *gate.Gate, scope string, o *gate.Outcome) {
	if w != nil {
		w.examine(ctx, g, scope, o)
	}
}

func (w *scopeWatch) examine(ctx context.Context, g *gate.Gate, scope string, o *gate.Outcome) {
	switch {
	case !w.asked:
		if g.ScopesSeen() && !w.unasked.Load() && !w.unasked.Swap(true) {
			g.NoteMistake(gate.UnusedScopes)
			w.log.LogAttrs(ctx, slog.LevelWarn, scopeUnasked)
		}
	case scope != "":
		w.examineScope(ctx, g, scope, o)
	}
}

// examineScope warns, once for each scope, if requests lacked it and none had it.
func (w *scopeWatch) examineScope(ctx context.Context, g *gate.Gate, scope string, o *gate.Outcome) {
	use, known := w.scopes.get(scope)
	if !known {
		if w.scopes.full(maxScopes) {
			return
		}
		use = new(scopeUse)
		w.scopes.put(scope, use, maxScopes)
	}
	switch {
	case o.Reason == gate.ScopeMissing:
		if use.refused.Add(1) == lackedScope && !use.granted.Load() {
			g.NoteMistake(gate.UnknownScope)
			w.log.LogAttrs(ctx, slog.LevelWarn, scopeUnknown, slog.String("scope", scope), slog.String("key", o.Key.ID))
		}
	case !use.granted.Load() && o.Key != nil && o.Key.HasScope(scope):
		use.granted.Store(true)
	}
}
