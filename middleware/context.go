package middleware

import (
	"context"
	"net/http"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

type contextKey struct{}

// passage is all that a request takes along that may go on, and its context, in one piece of memory: three would be a good
// part of the time.
type passage struct {
	context.Context
	result  Result
	request http.Request
}

// of is r with p for its context. It copies what WithContext makes, which then needs no memory of its own.
func (p *passage) of(r *http.Request) *http.Request {
	p.Context = r.Context()
	p.request = *r.WithContext(p)
	return &p.request
}

func (p *passage) Value(key any) any {
	if key == (contextKey{}) {
		return &p.result.Decision
	}
	return p.Context.Value(key)
}

// deciding is a context with a decision.
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

// DecisionFromContext is the decision that admitted the request; false where no key was needed. Handlers read it, and may
// give it to Gate.Refund.
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
