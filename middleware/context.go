package middleware

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// contextKey is the context key of a decision. settleKey is that of the deciding itself.
type (
	contextKey struct{}
	settleKey  struct{}
)

// deciding is a context with a decision. It is a part of the Result that has the
// decision. It does not refer to the request with that context, so a caller that keeps a
// decision to settle it later does not keep the request.
type deciding struct {
	context.Context
	decision *gate.Decision
	by       decider
}

func (c *deciding) Value(key any) any {
	if key == (contextKey{}) {
		return c.decision
	}
	if key == (settleKey{}) {
		return c
	}
	if k, ok := key.(*deciderKey); ok && c.by.answers(k) {
		return c
	}
	return c.Context.Value(key)
}

// NewContext returns a copy of ctx that carries a decision. It is for tests of handlers
// that read one. Callers of Check use Result.NewContext.
func NewContext(ctx context.Context, d *gate.Decision) context.Context {
	return &deciding{Context: ctx, decision: d}
}

// DecisionFromContext returns the decision that admitted the request. It returns false if
// the request needed no key. Handlers read the decision, and may pass the pointer to
// Gate.Settle or Gate.Refund, then or later.
func DecisionFromContext(ctx context.Context) (*gate.Decision, bool) {
	d, ok := ctx.Value(contextKey{}).(*gate.Decision)
	return d, ok
}

// KeyFromContext returns the key that made the request. It returns false if the request
// needed no key. Handlers must not modify the key.
func KeyFromContext(ctx context.Context) (*apikey.Key, bool) {
	d, ok := DecisionFromContext(ctx)
	if !ok || d.Key == nil {
		return nil, false
	}
	return d.Key, true
}
