package middleware

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// contextKey is the key of a context's decision, settleKey that of the deciding itself.
type (
	contextKey struct{}
	settleKey  struct{}
)

// deciding is a context with a decision, within the Result that it is of. The request
// with that context is not: who keeps a decision to settle it later should not keep the
// request.
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

// NewContext returns ctx with a decision. Tests of handlers that read one use it. Callers
// of Check use Result.NewContext.
func NewContext(ctx context.Context, d *gate.Decision) context.Context {
	return &deciding{Context: ctx, decision: d}
}

// DecisionFromContext returns the decision that admitted the request; false where no key
// was needed. Handlers read it, and may give the pointer to Gate.Settle or Gate.Refund,
// then or later.
func DecisionFromContext(ctx context.Context) (*gate.Decision, bool) {
	d, ok := ctx.Value(contextKey{}).(*gate.Decision)
	return d, ok
}

// KeyFromContext is the key of who asks; false where no key was needed. Handlers only
// read it.
func KeyFromContext(ctx context.Context) (*apikey.Key, bool) {
	d, ok := DecisionFromContext(ctx)
	if !ok || d.Key == nil {
		return nil, false
	}
	return d.Key, true
}
