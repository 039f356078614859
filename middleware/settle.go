package middleware

import (
	"context"
	"errors"

	"github.com/ration-go/ration/gate"
)

// ErrNoDecision means that a context does not belong to an admitted request. Either the
// handler stands outside the middleware, or its route is public.
var ErrNoDecision = errors.New("middleware: no decision in this context")

// Settle corrects the charge of the request that ctx belongs to, so that the request has
// cost actual units, as gate.Gate.Settle does. Handlers call it when they know the cost,
// such as the number of tokens that a language model used. Config.Cost returns an
// estimate first. An actual cost of 0 gives everything back.
//
// Settle has an effect once for each request. Its errors are those of gate.Gate.Settle,
// and ErrNoDecision. The context that NewContext makes for a test has no Gate, so Settle
// does nothing there.
func Settle(ctx context.Context, actual int64) error {
	switch by := ctx.Value(contextKey{}).(type) {
	case *Result:
		return by.mw.gate.Settle(ctx, &by.Decision, actual)
	case *gate.Decision:
		return nil
	}
	return ErrNoDecision
}
