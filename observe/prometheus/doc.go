// Package prometheus exports metrics of a rate limit and usage plan gate to Prometheus.
// An Observer counts what a gate.Gate decides, and is a prometheus.Collector:
//
//	reg := prometheus.NewRegistry()
//	observer, err := rationprom.New(rationprom.Config{Registerer: reg})
//	...
//	r, err := ration.New(st, ration.Config{Gate: gate.Config{Observer: observer}})
//	...
//	err = observer.Watch(r.Gate) // the gauges
//	...
//	handler := promhttp.HandlerFor(reg, promhttp.HandlerOpts{}) // for /metrics
//
// The labels are bounded. They name plans, reasons, limits, units and kinds of payers,
// and never a key, a group or a client. The page docs/metrics.md lists the metrics, and
// dashboard.json is a dashboard for Grafana.
//
// A decision costs a few atomic additions, and no allocation. Names and labels are made
// when the metrics are gathered.
package prometheus
