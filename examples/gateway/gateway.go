package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// gateway is the two planes: data is for clients with API keys, control for
// administrators.
type gateway struct {
	gate          *gate.Gate
	data, control http.Handler
}

func newGateway(cfg config, st *opened, log *slog.Logger) (gw *gateway, err error) {
	gw = new(gateway)
	gw.gate, err = gate.New(st.backend, st.backend, st.backend, gate.Config{
		KeyFormat: apikey.Format{AcceptForeign: true},
		Logger:    log,
	})
	if err != nil {
		return nil, err
	}
	if gw.data, err = dataPlane(cfg, gw.gate, st, log); err == nil {
		gw.control, err = controlPlane(cfg, gw.gate, st, log)
	}
	if err != nil {
		gw.gate.Close()
		return nil, err
	}
	if st.file != nil {
		gw.control = st.file.changing(gw.control)
	}
	return gw, nil
}

// controlPlane lets in who signs with the administrator's credentials.
func controlPlane(cfg config, g *gate.Gate, st *opened, log *slog.Logger) (http.Handler, error) {
	verifier, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) {
		return cfg.secret, id == cfg.id, nil
	}, sigv4.Config{})
	if err != nil {
		return nil, err
	}
	if cfg.seal == nil { // AWS always shows them, so its tools take that for granted
		log.Warn("values of API keys are shown once: there is no -seal to show them again with")
	}
	var stages apigateway.Stages
	if cfg.api != "" {
		stages = apigateway.StageList{{API: cfg.api, Name: cfg.stage}}
	}
	keys, err := apikey.NewService(st.backend, apikey.Config{KeyFormat: g.KeyFormat(), Seal: cfg.seal})
	if err != nil {
		return nil, err
	}
	plans, err := usageplan.NewService(watch(st.backend, cfg, log), st.backend)
	if err != nil {
		return nil, err
	}
	return apigateway.New(keys, plans, g, apigateway.Signed(verifier), apigateway.Config{Stages: stages, Logger: log})
}
