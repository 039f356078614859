package middleware

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// This file and its neighbours warn of configured names of routes that have no effect. A
// name is a pattern that Config.Public or Config.RouteScopes lists, or a route that a
// plan limits. With a typing error in it, a public route would need a key, a route would
// need no scope or would have no throttle, and nobody would notice.
//
//   - muxpattern.go translates patterns of other routers for http.ServeMux, and makes
//     sample requests that it matches.
//   - namemux.go tells for which name a request is, by its method and path.
//   - nameset.go holds the names of a field of the Config or of one plan.
//   - hidden.go finds the names that a pattern of the router hides. It does so once for
//     each pattern and nameSet, and remembers the result.
//   - readmap.go is the map in which requests look that result up.
//   - watchchecks.go has two more checks: checkRouters, where all
//     routers are known, and checkStripped, where http.StripPrefix may stand before the
//     known mux.
//   - This file shows each request to the nameSets that concern it, and logs each warning
//     once.
//
// A request is evidence that a name has no effect if the name matches it and the router
// has taken it for another pattern. A name without such a request causes no warning,
// since its route may not have been called yet. CheckRoute in addroutes.go reports what
// was found to usageplan.

// maxPlans bounds the number of plans whose names are watched.
const maxPlans = 1024

// A routeWatch warns of names that have no effect. It is nil if there is no Logger. Then
// addMux and observe do nothing.
type routeWatch struct {
	note   func(gate.Mistake) // counts the warnings
	log    *slog.Logger
	stage  usageplan.Stage
	routes *knownRoutes               // of the Middleware
	other  atomic.Bool                // the router is no ServeMux: see muxPatternOf
	fields atomic.Pointer[[]*nameSet] // of Config.Public and of RouteScopes, unless empty
	plans  readMap[*nameSet]          // by the ID of the plan

	mu         sync.Mutex
	muxes      []*http.ServeMux
	unknownMux atomic.Bool // the mux of some handler is not known

	routed atomic.Bool  // a known mux had a pattern, other than "/", for some request
	strips atomic.Int64 // calls of checkStripped, see maxStrips
}

// newRouteWatch returns nil if there is no Logger.
func newRouteWatch(cfg Config, routes *knownRoutes, note func(gate.Mistake)) *routeWatch {
	if cfg.Logger == nil {
		return nil
	}
	w := &routeWatch{note: note, log: cfg.Logger, stage: usageplan.Stage{API: cfg.API, Name: cfg.Stage}, routes: routes}
	w.other.Store(cfg.Route != nil)
	w.unknownMux.Store(cfg.Route != nil)
	w.fields.Store(fieldNames(cfg))
	if cfg.Mux != nil {
		w.addMux(cfg.Mux)
	}
	return w
}

// fieldNames returns the names that the fields of the Config list.
func fieldNames(cfg Config) *[]*nameSet {
	var all []*nameSet
	for field, list := range map[string][]string{"Public": cfg.Public, "RouteScopes": slices.Collect(maps.Keys(cfg.RouteScopes))} {
		if len(list) == 0 {
			continue
		}
		names := make([]string, len(list))
		for i, p := range list {
			names[i] = watchedName(p)
		}
		n := newNameSet(names, cfg.Route != nil, new(sync.Map))
		n.field = field
		all = append(all, n)
	}
	return &all
}

// useOther notes that a router is no ServeMux. ServeRoute calls it for each request, so
// it is small enough to be inlined.
func (w *routeWatch) useOther() {
	if w != nil && !w.other.Load() {
		w.setOther()
	}
}

// setOther has the names of the Config read as those of another router. Plans have not
// been seen yet, unless a mux serves other requests.
func (w *routeWatch) setOther() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.other.Load() {
		return
	}
	w.unknownMux.Store(true)
	var all []*nameSet
	for _, old := range *w.fields.Load() {
		n := newNameSet(slices.Collect(maps.Keys(old.patterns)), true, old.warned)
		n.field = old.field
		all = append(all, n)
	}
	w.fields.Store(&all)
	w.other.Store(true)
}

// addMux adds the mux of a handler. It is nil if the handler is no mux.
func (w *routeWatch) addMux(mux *http.ServeMux) {
	switch {
	case w == nil || mux == nil && w.unknownMux.Load():
		return
	case mux == nil:
		w.unknownMux.Store(true)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.muxes, mux) {
		w.muxes = append(w.muxes, mux)
	}
}

// observe looks at a request, the pattern that its router took it for, and its plan,
// which is nil if it is not known. It is small enough to be inlined, so it costs nothing
// without a Logger.
func (w *routeWatch) observe(r *http.Request, mux *http.ServeMux, pattern string, p *usageplan.Plan) {
	if w != nil {
		w.examineAll(r, mux, pattern, p)
	}
}

func (w *routeWatch) examineAll(r *http.Request, mux *http.ServeMux, pattern string, p *usageplan.Plan) {
	if pattern == "" && r.Method == http.MethodHead && w.other.Load() {
		return // other routers do not serve a HEAD by the GET of the same name
	}
	if mux != nil && pattern != "" && pattern != "/" && !w.routed.Load() {
		w.routed.Store(true)
	}
	for _, n := range *w.fields.Load() {
		w.examine(n, r, mux, pattern, nil)
	}
	if p == nil || len(p.Routes)+len(p.StageRoutes)+len(p.For) == 0 {
		return
	}
	if n := w.namesOf(p); n != nil {
		w.examine(n, r, mux, nameOf(pattern), p)
	}
}

// namesOf returns the routes that a plan limits. It returns nil if the plan is not
// watched.
func (w *routeWatch) namesOf(p *usageplan.Plan) *nameSet {
	known, ok := w.plans.get(p.ID)
	if ok && known.version == p.Version {
		return known
	}
	warned := new(sync.Map)
	if ok {
		warned = known.warned
	}
	if !ok && w.plans.full(maxPlans) {
		return nil
	}
	n := newNameSet(routesOf(p, w.stage), w.other.Load(), warned)
	n.version, n.routes = p.Version, true
	w.plans.put(p.ID, n, maxPlans)
	return n
}

// examine warns of a name that r matches, if the router has taken r for another pattern.
// The plan is nil if the names are those of a field of the Config.
func (w *routeWatch) examine(n *nameSet, r *http.Request, mux *http.ServeMux, pattern string, p *usageplan.Plan) {
	if len(n.patterns) == 0 {
		return
	}
	if !n.checked.Load() && !n.checked.Swap(true) {
		w.checkRouters(n, r, p)
	}
	if found := n.hiddenFor(r, pattern); found != "" && !w.hasEffect(n, found, mux == nil && pattern == "" && !w.other.Load()) {
		w.warn(r.Context(), n, hidden, found, pattern, p)
	}
	if mux != nil && (pattern == "" || pattern == "/") && !w.routed.Load() && w.strips.Add(1) <= maxStrips {
		w.checkStripped(n, r, pattern, p)
	}
}

// hasEffect reports whether a name that is hidden from one request is known to be a
// route's. Then the request only had a spelling of the path that the router does not
// serve, for example. If blind is true, nothing tells the Middleware the routes of
// requests. Then it does not help that AddRoutes has named them.
func (w *routeWatch) hasEffect(n *nameSet, name string, blind bool) bool {
	if _, warned := n.warned.Load(name); warned {
		return false // which spares the rest
	}
	known, _ := w.routes.has(nameOf(name))
	return known && !blind || n.hasSeen(name)
}

// These are the ends of the sentences that the Logger is warned with.
const (
	hidden  = "has no effect: the router takes requests for it for another pattern; if the router has it, tell the middleware of the router by Config.Mux or Config.Route"
	missing = "is in no router: it has no effect unless another Middleware has it"
)

// warn warns of a name, but only once. It does not log the request's path, which may hold
// a secret.
func (w *routeWatch) warn(ctx context.Context, n *nameSet, what, name, seen string, p *usageplan.Plan) {
	if seen == "" {
		seen = "(none)"
	}
	taken := seen
	if what == missing {
		taken = "" // which is no evidence
	}
	if _, before := n.warned.LoadOrStore(name, taken); before {
		return
	}
	if p == nil {
		w.note(gate.UnknownPublic)
		w.log.LogAttrs(ctx, slog.LevelWarn, "ration: a pattern of Config."+n.field+" "+what, slog.String("pattern", name), slog.String("seen", seen))
		return
	}
	w.note(gate.UnknownRoute)
	w.log.LogAttrs(ctx, slog.LevelWarn, "ration: a route that a plan limits "+what,
		slog.String("plan", p.ID), slog.String("route", name), slog.String("seen", seen))
}
