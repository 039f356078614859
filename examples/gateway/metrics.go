package main

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/observe"
	rationprom "github.com/ration-go/ration/observe/prometheus"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/store/sql/postgres"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// metrics are those of the gate, and of the process.
type metrics struct {
	*rationprom.Observer
	registry *prometheus.Registry
}

func newMetrics() (m metrics, err error) {
	m.registry = prometheus.NewRegistry()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.Observer, err = rationprom.New(rationprom.Config{Registerer: m.registry})
	return m, err
}

// watch adds the gauges of the gate and of its store.
func (m metrics) watch(g *gate.Gate, st *stores.Opened) error {
	switch s := st.Backend.(type) {
	case *memory.Store:
		m.WatchMemory(func() int { return int(s.Stats().Subjects) })
	case *redis.Store:
		m.WatchStore(func() observe.Busy {
			b := s.Stats()
			return observe.Busy{Charges: b.Calls, ChargesWaiting: b.Waiting, Reads: b.Commands, ReadsWaiting: b.CommandsWaiting}
		})
	case *sqlite.Store:
		m.WatchStore(func() observe.Busy {
			b := s.Stats()
			return observe.Busy{Charges: b.Batches, ChargesWaiting: b.Waiting, Reads: b.Reads, ReadsWaiting: b.ReadsWaiting}
		})
	case *postgres.Store:
		m.WatchStore(func() observe.Busy {
			b := s.Stats()
			return observe.Busy{Charges: b.Batches, ChargesWaiting: b.Waiting}
		})
	}
	return m.Watch(g)
}

// handler serves the metrics. Few may ask at a time, so that nobody can keep the process
// busy with them.
func (m metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
	})
}
