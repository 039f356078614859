package main

import (
	"log/slog"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/usageplan"
)

// services returns the services of the control plane, of -plans and of the page.
func services(cfg config, g *gate.Gate, st *stores.Opened, changes history.Recorder, log *slog.Logger) (s plans.Services, err error) {
	watched := watch(st.Backend, cfg, g.NoteMistake, log)
	s.Keys, err = apikey.NewService(st.Backend, apikey.Config{KeyFormat: g.KeyFormat(), Seal: cfg.seal, History: changes})
	if err != nil {
		return s, err
	}
	if s.Plans, err = usageplan.NewService(st.Backend, watched, usageplan.Config{History: changes}); err != nil {
		return s, err
	}
	s.Groups, err = usageplan.NewGroups(st.Backend, watched, g.Counter(), usageplan.Config{History: changes})
	return s, err
}
