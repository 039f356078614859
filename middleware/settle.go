package middleware

import (
	"context"
	"errors"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// ErrNoDecision means that a context does not belong to an admitted request. Either the
// handler stands outside the middleware, or its route is public.
var ErrNoDecision = errors.New("middleware: no decision in this context")

// Settle corrects the costs of the request that ctx belongs to. It sets them to actual,
// as gate.Gate.Settle does. Handlers call it when they know the costs, such as the number
// of tokens that a language model used. Config.Costs returns an estimate first. The
// estimate of a request that is Free is 0.
//
// Only the first successful call of Settle or Refund has an effect. The errors are those
// of gate.Gate.Settle, and ErrNoDecision. The context that NewContext makes for a test
// has no Gate, so Settle does nothing there.
func Settle(ctx context.Context, actual usageplan.Costs) error {
	return correct(ctx, func(res *Result) error { return res.mw.gate.Settle(ctx, &res.Decision, actual) })
}

// Refund gives back what the request that ctx belongs to was charged, as gate.Gate.Refund
// does. Everything else is as for Settle. Config.Refund decides by the status of the
// response instead.
func Refund(ctx context.Context) error {
	return correct(ctx, func(res *Result) error { return res.mw.gate.Refund(ctx, &res.Decision) })
}

// correct calls correction for the Result of the request that ctx belongs to.
func correct(ctx context.Context, correction func(*Result) error) error {
	switch decided := ctx.Value(contextKey{}).(type) {
	case *Result:
		return correction(decided)
	case *gate.Decision: // of NewContext
		return nil
	}
	return ErrNoDecision
}
