package middleware

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

type contextKey struct{}

// deciding is a context with a decision, within the Result that it is of. The request with that context is not: who keeps a
// decision to settle it later should not keep the request.
type deciding struct {
	context.Context
	decision *usageplan.Decision
}

func (c *deciding) Value(key any) any {
	if key == (contextKey{}) {
		return c.decision
	}
	return c.Context.Value(key)
}

// NewContext is ctx with a decision: what Handler makes for the next handler, and tests of such handlers for themselves.
func NewContext(ctx context.Context, d *usageplan.Decision) context.Context {
	return &deciding{ctx, d}
}

// DecisionFromContext returns the decision that admitted the request; false where no key was needed. Handlers read it, and
// may give the pointer to Gate.Settle or Gate.Refund, then or later.
func DecisionFromContext(ctx context.Context) (*usageplan.Decision, bool) {
	d, ok := ctx.Value(contextKey{}).(*usageplan.Decision)
	return d, ok
}

// KeyFromContext is the key of who asks; false where no key was needed. Handlers only read it.
func KeyFromContext(ctx context.Context) (*apikey.Key, bool) {
	d, ok := DecisionFromContext(ctx)
	if !ok || d.Key == nil {
		return nil, false
	}
	return d.Key, true
}
