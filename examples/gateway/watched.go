package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// watched is a store of plans that warns of those which throttle a route that the gateway
// was not told of: it has no pattern of that name, so that the throttle does nothing.
type watched struct {
	usageplan.Store
	stage usageplan.Stage
	known map[string]bool // routes
	log   *slog.Logger
}

func watch(st usageplan.Store, cfg config, log *slog.Logger) *watched {
	w := &watched{st, usageplan.Stage{API: cfg.api, Name: cfg.stage}, map[string]bool{usageplan.AnyRoute: true}, log}
	for _, pattern := range cfg.routes {
		w.known[routeOf(pattern)], w.known["/"] = true, true
	}
	return w
}

// routeOf is a pattern without its host, as plans name it.
func routeOf(pattern string) string {
	before, path, _ := strings.Cut(pattern, "/")
	if end := strings.IndexAny(before, " \t"); end >= 0 {
		return before[:end] + " /" + path
	}
	return "/" + path
}

// InsertPlan implements usageplan.Store.
func (w *watched) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	err := w.Store.InsertPlan(ctx, p)
	return w.looked(ctx, &p, err)
}

// UpdatePlan implements usageplan.Store.
func (w *watched) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	err := w.Store.UpdatePlan(ctx, p)
	return w.looked(ctx, &p, err)
}

// looked is err, after a look at what was kept if there is none.
func (w *watched) looked(ctx context.Context, p *usageplan.Plan, err error) error {
	if err != nil {
		return err
	}
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
		w.log.WarnContext(ctx, "a plan throttles routes without -route: their throttles do nothing", "plan", p.ID, "routes", unknown)
	}
	return nil
}
