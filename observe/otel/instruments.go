package otel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ration-go/ration/observe/internal/series"
)

const prefix = "ration."

// register makes the instruments. The counters and gauges are observed when metrics are
// collected, so a decision does not wait for the SDK.
func (o *Observer) register(meter metric.Meter) (err error) {
	instruments := map[*series.Metric]metric.Float64Observable{}
	var all []metric.Observable
	for _, m := range series.Metrics() {
		if instruments[m], err = instrument(meter, m); err != nil {
			return err
		}
		all = append(all, instruments[m])
	}
	if o.decisions, err = histogram(meter, series.DecisionTime); err != nil {
		return err
	}
	if o.store, err = histogram(meter, series.StoreTime); err != nil {
		return err
	}
	o.stop, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		o.recorder.Read(func(m *series.Metric, value float64, labels ...string) {
			to.ObserveFloat64(instruments[m], value, attributes(m, labels))
		})
		return nil
	}, all...)
	return err
}

// instrument returns the instrument of a counter or a gauge.
func instrument(meter metric.Meter, m *series.Metric) (metric.Float64Observable, error) {
	if m.Gauge {
		return meter.Float64ObservableGauge(prefix+m.Name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit))
	}
	return meter.Float64ObservableCounter(prefix+m.Name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit))
}

func histogram(meter metric.Meter, h series.Histogram) (metric.Float64Histogram, error) {
	return meter.Float64Histogram(prefix+h.Name, metric.WithDescription(h.Help), metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(series.Buckets()...))
}

// attributes returns the labels of one series.
func attributes(m *series.Metric, labels []string) metric.MeasurementOption {
	set := make([]attribute.KeyValue, len(labels))
	for i, value := range labels {
		set[i] = attribute.String(m.Labels[i], value)
	}
	return metric.WithAttributes(set...)
}
