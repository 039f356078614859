package rpc

import (
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/ration-go/ration/usageplan"
)

// An Unserved is a name that has no effect, because the service has no such method.
type Unserved struct {
	PlanID string // the plan that limits it, or "" if the Config names it
	Name   string
}

// String returns a text such as `plan "free": no method "/pets.v1.Pets/Git"`.
func (u Unserved) String() string {
	if u.PlanID == "" {
		return fmt.Sprintf("config: no method %q", u.Name)
	}
	return fmt.Sprintf("plan %q: no method %q", u.PlanID, u.Name)
}

// Unserved returns the names in Config.Public, in Config.RouteScopes and in plans that
// are none of the methods. A service calls it when it starts, since a typing error leaves
// a method without its limit. The Logger is warned of each name. usageplan.Service.All
// returns the plans.
//
// A name with a method of HTTP, such as "GET /pets", is for another service. So is a
// route of another API stage. Unserved leaves such names out. The error is that of plans.
func (e *Enforcer) Unserved(methods []string, plans iter.Seq2[usageplan.Plan, error]) (list []Unserved, err error) {
	served := map[string]bool{usageplan.AnyRoute: true}
	for _, method := range methods {
		served[method] = true
		served[serviceOf(method)+"*"] = true
	}
	add := func(plan, name string) {
		if !served[name] {
			list = append(list, Unserved{plan, name})
		}
	}
	for _, name := range slices.Concat(e.cfg.Public, slices.Sorted(maps.Keys(e.cfg.RouteScopes))) {
		add("", name)
	}
	for p, err := range plans {
		if err != nil {
			return list, fmt.Errorf("rpc: names of methods: %w", err)
		}
		for _, name := range e.routesOf(&p) {
			add(p.ID, name)
		}
	}
	e.warnOf(list)
	return list, nil
}

// routesOf returns the routes of a plan that may be methods of this service, in order.
func (e *Enforcer) routesOf(p *usageplan.Plan) []string {
	names := map[string]bool{}
	for name := range p.Routes {
		names[name] = true
	}
	for name := range p.StageRoutes[usageplan.Stage{API: e.cfg.API, Name: e.cfg.Stage}] {
		names[name] = true
	}
	for name := range p.For {
		names[name] = true
	}
	maps.DeleteFunc(names, func(name string, _ bool) bool { return !strings.HasPrefix(name, "/") })
	return slices.Sorted(maps.Keys(names))
}

func (e *Enforcer) warnOf(list []Unserved) {
	if e.cfg.Logger == nil {
		return
	}
	for _, u := range list {
		if u.PlanID == "" {
			e.cfg.Logger.Warn("ration: a method that Config.Public or Config.RouteScopes names does not exist", slog.String("method", u.Name))
			continue
		}
		e.cfg.Logger.Warn("ration: a method that a plan limits does not exist", slog.String("plan", u.PlanID), slog.String("method", u.Name))
	}
}
