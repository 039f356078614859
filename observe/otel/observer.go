package otel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/observe/internal/series"
)

// An Observer counts what a Gate does, for OpenTelemetry. Make one with New. It is safe
// for concurrent use.
type Observer struct {
	recorder *series.Recorder
	noSpans  bool
	stop     metric.Registration // nil without a Meter

	decisions, store metric.Float64Histogram // nil without a Meter
	read, cached     []metric.RecordOption   // a slice each, so that no call makes one
}

var _ gate.Observer = (*Observer)(nil)

// New returns an Observer, and makes its instruments. The error wraps ErrInvalid and
// reports every fault of cfg at once. It also wraps the errors of the Meter.
func New(cfg Config) (*Observer, error) {
	if err := fault.Report(ErrInvalid, "config", cfg.faults()...); err != nil {
		return nil, err
	}

	o := &Observer{
		recorder: series.New(series.Config{Units: cfg.Units, MaxSeries: cfg.MaxSeries}),
		noSpans:  cfg.NoSpans,
		read:     withCached(false),
		cached:   withCached(true),
	}
	if cfg.Meter == nil {
		return o, nil
	}
	if err := o.register(cfg.Meter); err != nil {
		return nil, fault.Report(ErrInvalid, "config", fault.In("meter", err))
	}
	return o, nil
}

func withCached(cached bool) []metric.RecordOption {
	set := attribute.NewSet(attribute.Bool(series.DecisionTime.Labels[0], cached))
	return []metric.RecordOption{metric.WithAttributeSet(set)}
}

// Watch adds the gauges of g to the metrics: its cache, its look-ups, its outages, and
// the subscriptions of its stores. g must be the Gate that the Observer is for. The error
// wraps ErrInvalid if g has other units, or if the Observer watches a Gate already.
func (o *Observer) Watch(g *gate.Gate) error {
	return fault.Report(ErrInvalid, "watch", o.recorder.Watch(g))
}

// WatchMemory adds the gauge of a store in memory: the Subjects of its Stats. The
// function must return quickly.
func (o *Observer) WatchMemory(subjects func() int) { o.recorder.WatchSubjects(subjects) }

// WatchStore adds the gauges of a store that is called, such as Redis. The function busy
// must return quickly.
func (o *Observer) WatchStore(busy func() observe.Busy) { o.recorder.WatchStore(busy) }

// WatchAlerts adds the metrics of an alert.Observer, by its method Stats.
func (o *Observer) WatchAlerts(stats func() alert.Stats) { o.recorder.WatchAlerts(stats) }

// WatchLogins adds the counters of an admin page, for example of Stats of an admin.Basic.
// The function must return quickly.
func (o *Observer) WatchLogins(failed func() observe.Logins) { o.recorder.WatchLogins(failed) }

// Close ends the metrics. The Meter calls the Observer no more.
func (o *Observer) Close() error {
	if o.stop == nil {
		return nil
	}
	return o.stop.Unregister()
}

// Decided implements gate.Observer.
func (o *Observer) Decided(ctx context.Context, d gate.Decided) {
	o.recorder.Decide(&d)
	if d.Timed && o.decisions != nil {
		o.time(ctx, &d)
	}
	if !o.noSpans {
		setAttributes(ctx, &d.Outcome)
	}
}

// time records the durations of a decision.
func (o *Observer) time(ctx context.Context, d *gate.Decided) {
	if d.Cached {
		o.decisions.Record(ctx, d.Took.Seconds(), o.cached...)
	} else {
		o.decisions.Record(ctx, d.Took.Seconds(), o.read...)
	}
	if d.CounterTook > 0 {
		o.store.Record(ctx, d.CounterTook.Seconds())
	}
}

// Corrected implements gate.Observer.
func (o *Observer) Corrected(ctx context.Context, c gate.Corrected) { o.recorder.Corrected(ctx, c) }
