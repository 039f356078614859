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

// Settle corrects what the request that ctx belongs to is charged of the declared units
// to actual, as gate.Gate.Settle does. Handlers call it when they know the costs, such as
// the number of tokens that a language model used. Config.Costs returns an estimate
// first. A request that is Free has an estimate of 0.
//
// Only the first successful call of Settle or Refund has an effect. The errors are those
// of gate.Gate.Settle, and ErrNoDecision. The context that NewContext makes for a test
// has no Gate, so Settle does nothing there.
func Settle(ctx context.Context, actual usageplan.Costs) error {
	return correct(ctx, func(by *Result) error { return by.mw.gate.Settle(ctx, &by.Decision, actual) })
}

// Refund gives back what the request that ctx belongs to was charged, as gate.Gate.Refund
// does. Everything else is as for Settle. Config.Refund decides by the status of the
// response instead.
func Refund(ctx context.Context) error {
	return correct(ctx, func(by *Result) error { return by.mw.gate.Refund(ctx, &by.Decision) })
}

func correct(ctx context.Context, correction func(*Result) error) error {
	switch by := ctx.Value(contextKey{}).(type) {
	case *Result:
		return correction(by)
	case *gate.Decision:
		return nil
	}
	return ErrNoDecision
}
