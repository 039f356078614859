package main

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// loads tells the metrics whether the file of -plans is in force.
type loads struct {
	ok   atomic.Bool  // the last attempt to apply the file succeeded
	last atomic.Int64 // Unix time of the last success, in microseconds
}

// note notes an attempt to apply the file.
func (l *loads) note(ok bool, at time.Time) {
	l.ok.Store(ok)
	if ok {
		l.last.Store(at.UnixMicro())
	}
}

// register adds the gauges to the metrics.
func (l *loads) register(to prometheus.Registerer) error {
	for _, g := range []prometheus.GaugeFunc{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gateway_plans_last_load_successful",
			Help: "1 if the file of -plans was applied when it was last read, and 0 if it had faults or the store failed.",
		}, func() float64 {
			if l.ok.Load() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gateway_plans_last_load_success_timestamp_seconds",
			Help: "Unix time when the file of -plans was last applied.",
		}, func() float64 { return float64(l.last.Load()) / 1e6 }),
	} {
		if err := to.Register(g); err != nil {
			return err
		}
	}
	return nil
}
