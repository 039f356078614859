package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/store/lease"
)

// gateway holds the handlers of the two planes. data serves clients with API keys, and
// control serves administrators.
type gateway struct {
	gate          *gate.Gate
	services      plans.Services
	data, control http.Handler
	counts        *observe.Counts  // nil without the page
	history       *history.History // nil if it keeps none
	health        *health
	people        *admin.Basic // nil without the page
	loads         *loads
}

func newGateway(cfg config, st *stores.Opened, log *slog.Logger) (*gateway, error) {
	gw := &gateway{loads: new(loads)}
	kept, changes, err := openHistory(cfg, st, log)
	if err != nil {
		return nil, err
	}
	gw.history = kept
	m, err := newMetrics()
	if err != nil {
		return nil, err
	}
	of := gate.Config{
		KeyFormat: cfg.keyFormat(),
		Logger:    log,
		Timeout:   st.Timeout,
		History:   changes,
		Observer:  gw.observer(cfg, m, log),
	}
	if cfg.lease {
		of.Lease = &lease.Config{}
	}
	if gw.gate, err = gate.New(st.Backend, st.Backend, st.Backend, of); err != nil {
		return nil, err
	}
	if err := gw.addPlanes(cfg, st, m, changes, log); err != nil {
		return nil, errors.Join(err, gw.gate.Close())
	}
	return gw, nil
}

// observer returns what counts for the metrics and for the page, and what logs refusals.
// It returns nil if nothing does.
func (gw *gateway) observer(cfg config, m metrics, log *slog.Logger) gate.Observer {
	var all gate.Observers
	if cfg.logRefusals > 0 {
		all = append(all, observe.NewLog(log, observe.LogConfig{PerSecond: cfg.logRefusals}))
	}
	if cfg.health != noHealth {
		all = append(all, m.Observer)
	}
	if cfg.users != nil {
		gw.counts = observe.NewCounts(observe.CountsConfig{})
		all = append(all, gw.counts)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// addPlanes adds the two planes, the health and the page.
func (gw *gateway) addPlanes(cfg config, st *stores.Opened, m metrics, changes history.Recorder, log *slog.Logger) (err error) {
	if gw.services, err = services(cfg, gw.gate, st, changes, log); err != nil {
		return err
	}
	if gw.data, err = dataPlane(cfg, gw.gate, gw.services.Keys, log); err != nil {
		return err
	}
	if gw.control, err = gw.controlPlane(cfg, log); err != nil {
		return err
	}
	if err := gw.addHealth(cfg, m, st, log); err != nil {
		return err
	}
	if cfg.plans != "" {
		if err := gw.loads.register(m.registry); err != nil {
			return err
		}
	}
	if err := gw.addPage(cfg, log); err != nil || gw.people == nil {
		return err
	}
	m.WatchLogins(gw.people.Stats)
	return nil
}

// controlPlane returns a handler for requests that the administrator's credentials sign.
func (gw *gateway) controlPlane(cfg config, log *slog.Logger) (http.Handler, error) {
	verifier, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) {
		return cfg.secret, id == cfg.id, nil
	}, sigv4.Config{})
	if err != nil {
		return nil, err
	}
	// AWS shows values at any time, and tools such as Terraform expect that.
	if cfg.seal == nil {
		log.Warn("gateway: without -seal, the values of API keys are shown only once")
	}
	var stages apigateway.Stages
	if cfg.api != "" {
		stages = apigateway.StageList{{API: cfg.api, Name: cfg.stage}}
	}
	return apigateway.New(gw.services.Keys, gw.services.Plans, gw.gate, apigateway.Signed(verifier), apigateway.Config{Stages: stages, Logger: log})
}
