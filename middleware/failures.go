package middleware

import (
	"context"
	"errors"
	"log/slog"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/outage"
)

// failures logs what fails: the beginning and the end of each outage, and not a line for
// each request. Kinds of failures are apart, so that none hides another.
type failures struct {
	counter   outage.Log // charges
	decisions outage.Log // all other errors of the Gate
	requests  outage.Log // requests that break a rule, which is a mistake of the service
	functions outage.Log // Config.Credential
	refunds   outage.Log
	usage     outage.Log // reads of a client's own usage
}

func newFailures(logger *slog.Logger) *failures {
	if logger == nil {
		return nil
	}
	kind := func(begins, ends string) outage.Log {
		return outage.Log{Logger: logger, Level: slog.LevelError, Begins: begins, Ends: ends, Affected: "requests"}
	}
	return &failures{
		counter:   kind("ration: decision failed: the Counter of the Gate fails", "ration: charges succeed again"),
		decisions: kind("ration: decision failed", "ration: decisions succeed again"),
		requests:  kind("ration: decision failed: the request breaks a rule", "ration: no more requests break a rule"),
		functions: kind("ration: decision failed: Config.Credential fails", "ration: Config.Credential succeeds again"),
		refunds:   kind("ration: refund failed", "ration: refunds succeed again"),
		usage:     kind("ration: usage could not be read", "ration: usage can be read again"),
	}
}

// noteDecision logs a decision that failed, or that ends an outage. It is small enough to
// be inlined, so it costs nothing without a Logger.
func (f *failures) noteDecision(ctx context.Context, res *Result) {
	if f != nil {
		f.examineDecision(ctx, res)
	}
}

func (f *failures) examineDecision(ctx context.Context, res *Result) {
	d := &res.Decision
	if res.Err != nil {
		fail(ctx, f.kindOf(d), res.Err, d)
		return
	}
	switch d.Reason {
	case gate.Admitted, gate.Throttled, gate.QuotaExceeded, gate.NeverFits:
		f.counter.Succeed(ctx)
	}
	f.decisions.Succeed(ctx)
	f.requests.Succeed(ctx)
}

// kindOf returns the Log of a decision of the Gate that failed.
func (f *failures) kindOf(d *gate.Decision) *outage.Log {
	switch {
	case d.Degraded:
		return &f.counter
	case d.Reason == gate.Invalid:
		return &f.requests
	}
	return &f.decisions
}

// noteIdentified logs that a key could not be read for a report of its usage, or that
// this ends an outage. Such a request charges nothing, so it tells nothing of the
// Counter.
func (f *failures) noteIdentified(ctx context.Context, res *Result) {
	switch {
	case f == nil:
	case res.Err != nil:
		fail(ctx, &f.decisions, res.Err, &res.Decision)
	default:
		f.decisions.Succeed(ctx)
	}
}

// noteUsage logs that usage could not be read, or that this ends an outage.
func (f *failures) noteUsage(ctx context.Context, err error, d *gate.Decision) {
	switch {
	case f == nil:
	case err != nil:
		fail(ctx, &f.usage, err, d)
	default:
		f.usage.Succeed(ctx)
	}
}

// noteRefund logs a refund that failed, or that ends an outage.
func (f *failures) noteRefund(ctx context.Context, err error, d *gate.Decision) {
	switch {
	case f == nil:
	case err != nil:
		fail(ctx, &f.refunds, err, d)
	default:
		f.refunds.Succeed(ctx)
	}
}

// noteCredential logs that Config.Credential failed, or that this ends an outage. It is
// small enough to be inlined, as noteDecision is.
func (f *failures) noteCredential(ctx context.Context, err error) {
	if f != nil {
		f.examineCredential(ctx, err)
	}
}

func (f *failures) examineCredential(ctx context.Context, err error) {
	if err != nil {
		fail(ctx, &f.functions, err, new(gate.Decision))
		return
	}
	f.functions.Succeed(ctx)
}

// fail notes an error, except one caused by the client disconnecting.
func fail(ctx context.Context, l *outage.Log, err error, d *gate.Decision) {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return
	}
	attrs := []slog.Attr{slog.Bool("allowed", d.Allowed)}
	if d.Key != nil {
		attrs = append(attrs, slog.String("key", d.Key.ID))
	}
	l.Fail(ctx, err, attrs...)
	l.Affect()
}
