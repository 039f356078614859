package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/usageplan"
)

// gateway holds the handlers of the two planes. data serves clients with API keys, and
// control serves administrators.
type gateway struct {
	gate          *gate.Gate
	data, control http.Handler
}

func newGateway(cfg config, st *stores.Opened, log *slog.Logger) (gw *gateway, err error) {
	gw = new(gateway)
	of := gate.Config{
		KeyFormat: apikey.Format{AcceptForeign: true}, // for values from AWS
		Logger:    log,
		Timeout:   st.Timeout,
	}
	if cfg.lease {
		of.Lease = &lease.Config{}
	}
	if gw.gate, err = gate.New(st.Backend, st.Backend, st.Backend, of); err != nil {
		return nil, err
	}
	if gw.data, err = dataPlane(cfg, gw.gate, st, log); err == nil {
		gw.control, err = controlPlane(cfg, gw.gate, st, log)
	}
	if err != nil {
		return nil, errors.Join(err, gw.gate.Close())
	}
	return gw, nil
}

// controlPlane returns a handler for requests that the administrator's credentials sign.
func controlPlane(cfg config, g *gate.Gate, st *stores.Opened, log *slog.Logger) (http.Handler, error) {
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
	keys, err := apikey.NewService(st.Backend, apikey.Config{KeyFormat: g.KeyFormat(), Seal: cfg.seal})
	if err != nil {
		return nil, err
	}
	plans, err := usageplan.NewService(st.Backend, watch(st.Backend, cfg, log), usageplan.Config{})
	if err != nil {
		return nil, err
	}
	return apigateway.New(keys, plans, g, apigateway.Signed(verifier), apigateway.Config{Stages: stages, Logger: log})
}
