package middleware

import (
	"context"
	"errors"
	"log/slog"

	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/store"
)

// limitFailures logs what fails in a LimitBy, as failures does for a Middleware.
type limitFailures struct{ function, counter, full, refunds outage.Log }

func newLimitFailures(logger *slog.Logger) limitFailures {
	kind := func(begins, ends string) outage.Log {
		return outage.Log{Logger: logger, Level: slog.LevelError, Begins: begins, Ends: ends, Affected: "requests"}
	}
	return limitFailures{
		function: kind("ration: the key function of a limit failed", "ration: the key function of a limit succeeds again"),
		counter:  kind("ration: the limit could not be checked", "ration: the limit can be checked again"),
		full: kind("ration: the limit could not be checked: its store is full; give a limit of unknown clients a store of its own",
			"ration: the store of a limit has room again"),
		refunds: kind("ration: a limit could not give a token back", "ration: limits can give tokens back again"),
	}
}

// of returns the Log of a failure of the Counter.
func (f *limitFailures) of(err error) *outage.Log {
	if errors.Is(err, store.ErrFull) {
		return &f.full
	}
	return &f.counter
}

// succeed notes that a request was decided.
func (f *limitFailures) succeed(ctx context.Context) {
	f.function.Succeed(ctx)
	f.counter.Succeed(ctx)
	f.full.Succeed(ctx)
}

// fail notes an error, except one caused by the client disconnecting.
func (b *limitBy) fail(ctx context.Context, l *outage.Log, err error) {
	if b.Logger == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return
	}
	l.Fail(ctx, err, slog.String("limit", b.limits[0].Limiter.Name()))
	l.Affect()
}

// noteRefund logs that a token could not be given back, or that this ends an outage.
func (b *limitBy) noteRefund(ctx context.Context, err error) {
	if err != nil {
		b.fail(ctx, &b.failures.refunds, err)
		return
	}
	b.failures.refunds.Succeed(ctx)
}

// debug logs a bad request.
func (b *limitBy) debug(ctx context.Context, message string, l *keyedLimit, err error) {
	if b.Logger != nil {
		b.Logger.LogAttrs(ctx, slog.LevelDebug, message, slog.String("limit", l.Limiter.Name()), slog.Any("error", err))
	}
}
