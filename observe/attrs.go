package observe

import (
	"log/slog"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
)

// decisionAttrs returns the attributes of a decision. Those that say nothing are left
// out.
func decisionAttrs(d *gate.Decided) []slog.Attr {
	o := &d.Outcome
	attrs := outcomeAttrs(o)
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	text("api", d.Request.API)
	text("stage", d.Request.Stage)
	text("route", d.Request.Route)
	text("class", d.Request.Class)
	if l := tightest(o); l.Wait > 0 {
		attrs = append(attrs, slog.String("limit", l.Name), slog.String("payer", l.Payer.String()))
	}
	switch {
	case o.RetryAfter == store.Never:
		attrs = append(attrs, slog.String("retryAfter", "never"))
	case o.RetryAfter > 0:
		attrs = append(attrs, slog.Duration("retryAfter", o.RetryAfter))
	}
	if o.More {
		attrs = append(attrs, slog.Bool("more", true))
	}
	if o.Repeated {
		attrs = append(attrs, slog.Bool("repeated", true))
	}
	if d.KeyAge > 0 {
		attrs = append(attrs, slog.Duration("keyAge", d.KeyAge))
	}
	if d.Timed {
		attrs = append(attrs, slog.Duration("took", d.Took))
	}
	if d.Err != nil {
		attrs = append(attrs, slog.Any("error", d.Err))
	}
	return attrs
}

// tightest returns the limit with the longest wait among those that refused a request, or
// that would have refused it.
func tightest(o *gate.Outcome) (most gate.Level) {
	limits := o.Refusals()
	if o.Allowed {
		limits = o.WouldRefuse()
	}
	for l := range limits {
		if l.Wait > most.Wait {
			most = l
		}
	}
	return most
}

// outcomeAttrs returns the attributes that say what was decided, of whom.
func outcomeAttrs(o *gate.Outcome) []slog.Attr {
	attrs := []slog.Attr{slog.String("reason", o.Reason.String()), slog.Bool("allowed", o.Allowed)}
	if o.Key != nil {
		attrs = append(attrs, slog.String("key", o.Key.ID))
		if o.Key.GroupID != "" {
			attrs = append(attrs, slog.String("group", o.Key.GroupID))
		}
	}
	if o.Plan != nil {
		attrs = append(attrs, slog.String("plan", o.Plan.ID))
	}
	return attrs
}

// withSuppressed adds how many lines were suppressed, if there were any.
func withSuppressed(attrs []slog.Attr, suppressed int64) []slog.Attr {
	if suppressed > 0 {
		attrs = append(attrs, slog.Int64("suppressed", suppressed))
	}
	return attrs
}
