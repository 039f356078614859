package middleware

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// contextKey is the context key of a decision. Its value is the Result that has the
// decision, or the Decision that a test has passed to NewContext.
type contextKey struct{}

// deciding is the context of a request that has a Result.
type deciding struct {
	context.Context
	res    *Result
	target target
}

func (c *deciding) Value(key any) any {
	switch key := key.(type) {
	case contextKey:
		return c.res
	case *deciderKey:
		if c.res.mw.answers(key) {
			return c
		}
	}
	return c.Context.Value(key)
}

// NewContext returns a copy of ctx that carries a decision. It is for tests of handlers
// that read one. Callers of Check use Result.NewContext.
func NewContext(ctx context.Context, d *gate.Decision) context.Context {
	return context.WithValue(ctx, contextKey{}, d)
}

// DecisionFromContext returns the decision that admitted the request. It returns false if
// the request needed no key. Handlers read the decision, and may pass the pointer to
// Gate.Settle or Gate.Refund, then or later.
func DecisionFromContext(ctx context.Context) (*gate.Decision, bool) {
	switch by := ctx.Value(contextKey{}).(type) {
	case *Result:
		return &by.Decision, true
	case *gate.Decision:
		return by, true
	}
	return nil, false
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
