package otel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/observe/internal/series"
)

// The attributes of spans.
const (
	planKey   = attribute.Key(prefix + "plan")
	reasonKey = attribute.Key(prefix + "reason")
	limitKey  = attribute.Key(prefix + "limit")
	payerKey  = attribute.Key(prefix + "payer")
)

// setAttributes sets the attributes of the span in ctx, if that is recorded. A Peek says
// nothing about the request of the span, so it sets none. Neither do further costs that
// were admitted.
func setAttributes(ctx context.Context, o *gate.Outcome) {
	span := trace.SpanFromContext(ctx)
	if o.Peeked || o.More && o.Allowed || !span.IsRecording() {
		return
	}
	all := []attribute.KeyValue{reasonKey.String(o.Reason.String())}
	if o.Plan != nil {
		all = append(all, planKey.String(series.Label(o.Plan.ID)))
	}
	for l := range o.Refusals() { // the first of them
		all = append(all, limitKey.String(series.Label(l.Name)), payerKey.String(l.Payer.Kind.String()))
		break
	}
	span.SetAttributes(all...)
}
