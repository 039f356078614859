package prometheus

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/observe/internal/series"
)

// An Observer counts what a Gate does, for Prometheus. Make one with New. It is safe for
// concurrent use.
type Observer struct {
	recorder *series.Recorder
	descs    map[*series.Metric]*prometheus.Desc

	decisions *prometheus.HistogramVec
	read      prometheus.Observer // of decisions, for which something was read
	cached    prometheus.Observer // likewise, of the others
	store     prometheus.Histogram
}

var (
	_ gate.Observer        = (*Observer)(nil)
	_ prometheus.Collector = (*Observer)(nil)
)

// New returns an Observer and registers it. The error wraps ErrInvalid and reports every
// fault of cfg at once. It also wraps the error of Config.Registerer, for example a
// prometheus.AlreadyRegisteredError if an Observer with the same Labels is registered.
func New(cfg Config) (*Observer, error) {
	if err := fault.Report(ErrInvalid, "config", cfg.faults()...); err != nil {
		return nil, err
	}

	o := &Observer{
		recorder: series.New(series.Config{Units: cfg.Units, MaxSeries: cfg.MaxSeries}),
		descs:    map[*series.Metric]*prometheus.Desc{},
		store:    prometheus.NewHistogram(cfg.histogram(series.StoreTime)),
	}
	o.decisions = prometheus.NewHistogramVec(cfg.histogram(series.DecisionTime), series.DecisionTime.Labels)
	o.read, o.cached = o.decisions.WithLabelValues(strconv.FormatBool(false)), o.decisions.WithLabelValues(strconv.FormatBool(true))
	for _, m := range series.Metrics() {
		o.descs[m] = prometheus.NewDesc(nameOf(m), m.Help, m.Labels, cfg.Labels)
	}

	if cfg.Registerer == nil {
		return o, nil
	}
	if err := cfg.Registerer.Register(o); err != nil {
		return nil, fault.Report(ErrInvalid, "config", fault.In("registerer", err))
	}
	return o, nil
}

// histogram returns the options of a histogram.
func (cfg Config) histogram(h series.Histogram) prometheus.HistogramOpts {
	opts := prometheus.HistogramOpts{
		Name:        prefix + strings.ReplaceAll(h.Name, ".", "_") + "_seconds",
		Help:        h.Help,
		ConstLabels: cfg.Labels,
		Buckets:     slices.Clone(cfg.Buckets),
	}
	if len(opts.Buckets) == 0 {
		opts.Buckets = series.Buckets()
	}
	if cfg.Native {
		opts.NativeHistogramBucketFactor, opts.NativeHistogramMaxBucketNumber = 1.1, 160
	}
	return opts
}

const prefix = "ration_"

// nameOf returns the name of a metric as Prometheus wants it: with its unit, and with
// "total" if it is a counter.
func nameOf(m *series.Metric) string {
	name := prefix + strings.ReplaceAll(m.Name, ".", "_")
	if m.Unit == "s" {
		name += "_seconds"
	}
	if !m.Gauge {
		name += "_total"
	}
	return name
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

// Decided implements gate.Observer.
func (o *Observer) Decided(_ context.Context, d gate.Decided) {
	o.recorder.Decide(&d)
	if d.Timed {
		o.time(&d)
	}
}

// time observes the durations of a decision.
func (o *Observer) time(d *gate.Decided) {
	if d.Cached {
		o.cached.Observe(d.Took.Seconds())
	} else {
		o.read.Observe(d.Took.Seconds())
	}
	if d.CounterTook > 0 {
		o.store.Observe(d.CounterTook.Seconds())
	}
}

// Corrected implements gate.Observer.
func (o *Observer) Corrected(ctx context.Context, c gate.Corrected) { o.recorder.Corrected(ctx, c) }

// Describe implements prometheus.Collector.
func (o *Observer) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range series.Metrics() {
		descs <- o.descs[m]
	}
	o.decisions.Describe(descs)
	o.store.Describe(descs)
}

// Collect implements prometheus.Collector.
func (o *Observer) Collect(metrics chan<- prometheus.Metric) {
	o.recorder.Read(func(m *series.Metric, value float64, labels ...string) {
		kind := prometheus.CounterValue
		if m.Gauge {
			kind = prometheus.GaugeValue
		}
		metrics <- prometheus.MustNewConstMetric(o.descs[m], kind, value, labels...)
	})
	o.decisions.Collect(metrics)
	o.store.Collect(metrics)
}
