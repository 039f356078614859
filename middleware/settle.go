package middleware

import (
	"context"
	"errors"
)

// ErrNoDecision means that a context belongs to no request that was admitted. The handler
// stands outside the middleware, or its route is public.
var ErrNoDecision = errors.New("middleware: no decision in this context")

// Settle makes the charge of the request that ctx belongs to what the request has come
// to, as gate.Gate.Settle does. Handlers call it when they know the cost, such as the
// tokens of a language model: Config.Cost takes an estimate first. An actual of 0 gives
// all back.
//
// Settle counts once for each request. Its errors are those of gate.Gate.Settle, and
// ErrNoDecision. In a context that NewContext made for a test there is no Gate, so Settle
// does nothing there.
func Settle(ctx context.Context, actual int64) error {
	c, ok := ctx.Value(settleKey{}).(*deciding)
	if !ok {
		return ErrNoDecision
	}
	if c.by.mw == nil {
		return nil
	}
	return c.by.mw.gate.Settle(ctx, c.decision, actual)
}
