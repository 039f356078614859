package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// watched is a store of plans that logs a warning, and counts a mistake, if a plan
// throttles a route that no -route names. The gateway has no pattern of that name, so the
// throttle has no effect. It keeps groups as well, so that the service sees which plans a
// group has.
type watched struct {
	planStore
	stage usageplan.Stage
	known map[string]bool // names of routes
	note  func(gate.Mistake)
	log   *slog.Logger
}

func watch(st planStore, cfg config, note func(gate.Mistake), log *slog.Logger) *watched {
	w := &watched{st, usageplan.Stage{API: cfg.api, Name: cfg.stage}, map[string]bool{usageplan.AnyRoute: true}, note, log}
	for _, pattern := range cfg.routes {
		w.known[routeOf(pattern)], w.known["/"] = true, true
	}
	return w
}

// routeOf returns a pattern without its host, which is the name of the route in plans.
func routeOf(pattern string) string {
	before, path, _ := strings.Cut(pattern, "/")
	if end := strings.IndexAny(before, " \t"); end >= 0 {
		return before[:end] + " /" + path
	}
	return "/" + path
}

// InsertPlan inserts p, and warns if one of its throttles has no effect.
func (w *watched) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	err := w.planStore.InsertPlan(ctx, p)
	if err == nil {
		w.warnUnknown(ctx, &p)
	}
	return err
}

// UpdatePlan updates p, and warns if one of its throttles has no effect.
func (w *watched) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	err := w.planStore.UpdatePlan(ctx, p)
	if err == nil {
		w.warnUnknown(ctx, &p)
	}
	return err
}

// warnUnknown logs a warning if p throttles routes that no -route names. It does not
// refuse the plan: other gateways of the same store may have other routes.
func (w *watched) warnUnknown(ctx context.Context, p *usageplan.Plan) {
	var unknown []string
	for _, throttles := range []map[string]limiter.Limit{p.Routes, p.StageRoutes[w.stage]} {
		for route := range throttles {
			if !w.known[route] {
				unknown = append(unknown, route)
			}
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		w.note(gate.UnknownRoute)
		w.log.WarnContext(ctx, "gateway: throttles of a plan have no effect, since no -route names their routes", "plan", p.ID, "routes", unknown)
	}
}
