package usageplan

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
)

// A RouteChecker reports what a service knows of a route that a plan names: see
// middleware.Middleware.CheckRoute. The stage is zero for a route that counts on every
// stage.
//
// A fault says why the name has no effect. If it is empty, seen reports whether a router
// is known to have the route, or a request has had it. A service that cannot tell returns
// true.
type RouteChecker func(stage Stage, route string) (fault string, seen bool)

// A PlanRoute is a route that a plan names in Routes, StageRoutes or For.
type PlanRoute struct {
	PlanID string
	Stage  Stage // of StageRoutes, or zero
	Route  string
	Fault  string // why the name has no effect; empty if that is not certain
}

// RouteFaults returns the routes that plans name and that have no effect, by
// Config.CheckRoute, plan by plan. Call it at the start of the service, after the
// middleware has been told the routes of its routers. Without CheckRoute there are none.
func (s *Service) RouteFaults(ctx context.Context) ([]PlanRoute, error) {
	var faults []PlanRoute
	for p, err := range s.All(ctx) {
		if err != nil {
			return nil, fmt.Errorf("usageplan: route faults: %w", err)
		}
		found, _ := s.checkRoutes(&p)
		faults = append(faults, found...)
	}
	return faults, nil
}

// auditRoutes adds to the report what is wrong with the routes that a plan names.
func (a *audit) auditRoutes(p *Plan) {
	faults, unseen := a.checkRoutes(p)
	a.RoutesWithoutEffect = append(a.RoutesWithoutEffect, faults...)
	a.UnseenRoutes = append(a.UnseenRoutes, unseen...)
}

// checkRoutes returns the routes of a plan that have no effect, and those that nothing is
// known of although the service would know.
func (s *Service) checkRoutes(p *Plan) (faults, unseen []PlanRoute) {
	if s.checkRoute == nil {
		return nil, nil
	}
	for _, r := range p.namedRoutes() {
		fault, seen := s.checkRoute(r.Stage, r.Route)
		switch r.Fault = fault; {
		case fault != "":
			faults = append(faults, r)
		case !seen:
			unseen = append(unseen, r)
		}
	}
	return faults, unseen
}

// namedRoutes returns the routes that a plan names, without AnyRoute, in a stable order.
func (p *Plan) namedRoutes() []PlanRoute {
	names := map[PlanRoute]bool{}
	add := func(stage Stage, route string) {
		if route != AnyRoute {
			names[PlanRoute{PlanID: p.ID, Stage: stage, Route: route}] = true
		}
	}
	for route := range p.Routes {
		add(Stage{}, route)
	}
	for key := range p.For {
		if isRoute(key) {
			add(Stage{}, key)
		}
	}
	for stage, routes := range p.StageRoutes {
		for route := range routes {
			add(stage, route)
		}
	}
	return slices.SortedFunc(maps.Keys(names), func(a, b PlanRoute) int {
		return cmp.Or(cmp.Compare(a.Stage.API, b.Stage.API), cmp.Compare(a.Stage.Name, b.Stage.Name), cmp.Compare(a.Route, b.Route))
	})
}
