package middleware

import (
	"fmt"
	"strings"
	"sync"

	"github.com/ration-go/ration/internal/routename"
	"github.com/ration-go/ration/usageplan"
)

// knownRoutes are the routes that AddRoutes was told. It is safe for concurrent use.
type knownRoutes struct {
	mu    sync.Mutex
	names map[string]bool // nil before the first AddRoutes
}

// has reports whether a route is known. told is false before the first AddRoutes.
func (k *knownRoutes) has(name string) (found, told bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.names[name], k.names != nil
}

// AddRoutes tells the Middleware which routes a router has, so that names of other routes
// are found: see CheckRoute. The routes are patterns as Config.Route returns them. Call
// it when the routes are registered, and once for each router that is not a ServeMux
// which the Middleware knows:
//
//	mw.AddRoutes(rationgin.Routes(engine)...)
//
// The Logger is then warned of each name in a plan or in Config.Public that no router
// has, at the first request that concerns the name. To find the names at once, call
// usageplan.Service.RouteFaults.
func (m *Middleware) AddRoutes(routes ...string) {
	m.routes.mu.Lock()
	defer m.routes.mu.Unlock()
	if m.routes.names == nil {
		m.routes.names = map[string]bool{}
	}
	for _, route := range routes {
		m.routes.names[nameOf(routename.Of(route))] = true
	}
}

// CheckRoute reports what the Middleware knows of a route that a plan names, for a stage
// or, if the stage is zero, for every stage. It is a usageplan.RouteChecker. ration.New
// sets it as usageplan.Config.CheckRoute.
//
// A fault says why the name has no effect: no router has it, or requests for it have gone
// to another pattern. Otherwise seen reports whether a router has the name or a request
// has had it. A Middleware without a Logger, or with other stages, reports that the name
// was seen.
//
// A ServeMux cannot list its patterns. It is asked for a request that would have the
// name, without a host. So tell AddRoutes of its patterns with a host.
func (m *Middleware) CheckRoute(stage usageplan.Stage, route string) (fault string, seen bool) {
	own := usageplan.Stage{API: m.cfg.API, Name: m.cfg.Stage}
	if stage != (usageplan.Stage{}) && stage != own {
		return "", true
	}
	found, told := m.routes.has(route)
	if found {
		return "", true
	}
	fault, seen = m.watch.evidence(route)
	if fault != "" || seen {
		return fault, seen
	}
	if others := stage != own; others { // another Middleware may have the route
		return "", true
	}
	served, all := m.watch.inMuxes(route)
	switch {
	case served:
		return "", true
	case told || all:
		return "no router has it", false
	}
	return "", m.watch == nil
}

// evidence returns what requests have shown of a name: that a pattern hides it, or that
// it was the pattern of a request.
func (w *routeWatch) evidence(name string) (fault string, seen bool) {
	if w == nil {
		return "", false
	}
	for _, n := range w.plans.all() {
		if n.hasSeen(name) {
			return "", true
		}
		if by, hidden := n.warned.Load(name); hidden && by != "" {
			fault = fmt.Sprintf("the router takes requests for it for %q", by)
		}
	}
	return fault, false
}

// hasSeen reports whether a request had a pattern of this name. If there were too many
// patterns to remember, it reports true.
func (n *nameSet) hasSeen(name string) bool {
	if _, seen := n.hidden.get(name); seen || n.hidden.full(maxSeen) {
		return true
	}
	for pattern := range n.hidden.all() { // those with regular expressions are as they were
		if strings.Contains(pattern, ":") && routename.Of(pattern) == name {
			return true
		}
	}
	return false
}

// inMuxes reports whether a known mux serves a name, and whether all routers are known
// muxes.
func (w *routeWatch) inMuxes(name string) (served, all bool) {
	if w == nil {
		return false, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := newNameSet([]string{name}, false, nil)
	n.routes = true
	all = !w.unknownMux.Load() && len(w.muxes) > 0
	if len(n.patterns) == 0 { // nothing is known about it
		return false, false
	}
	for _, mux := range w.muxes {
		if served, _ := n.servedBy(mux, name, ""); served {
			return true, all
		}
	}
	return false, all
}
