// Package otel exports metrics of a rate limit and usage plan gate to OpenTelemetry, and
// sets attributes of spans.
//
//	observer, err := rationotel.New(rationotel.Config{Meter: provider.Meter("ration")})
//	...
//	r, err := ration.New(st, ration.Config{Gate: gate.Config{Observer: observer}})
//	...
//	err = observer.Watch(r.Gate) // the gauges
//
// The metrics are those of the module for Prometheus, by the names of OpenTelemetry, such
// as ration.decisions. The page docs/metrics.md lists them. Their attributes are bounded:
// they name plans, reasons, limits, units and kinds of payers, and never a key, a group
// or a client.
//
// The Observer begins no spans. It sets the attributes of the span in the context of a
// request, if that span is recorded: ration.plan, ration.reason, ration.limit and
// ration.payer.
package otel
