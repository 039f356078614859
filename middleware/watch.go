package middleware

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// This file and its neighbours warn of configured names of routes that have no effect. A
// name is a pattern that Config.Public lists or a route that a plan limits. With a
// typing error in it, a public route would need a key, or a route would have no throttle,
// and nobody would notice.
//
//   - muxpattern.go translates patterns of other routers for http.ServeMux, and makes
//     sample requests that it matches.
//   - namemux.go tells for which name a request is, by its method and path.
//   - nameset.go holds the names of Config.Public or of one plan.
//   - hidden.go finds the names that a pattern of the router hides. It does so once for
//     each pattern and nameSet, and remembers the result.
//   - readmap.go is the map in which requests look that result up.
//   - This file shows each request to the nameSets that concern it, and logs each warning
//     once.
//
// A request is evidence that a name has no effect if the name matches it and the router
// has taken it for another pattern. A name without such a request causes no warning,
// since its route may not have been called yet. There are two more checks: checkMuxes,
// where all muxes are known, and checkStripped, where http.StripPrefix may stand before
// the known mux.

// maxPlans bounds the number of plans whose names are watched.
const maxPlans = 1024

// maxStrips bounds the number of requests that checkStripped looks at.
const maxStrips = 64

// A routeWatch warns of names that have no effect. It is nil if there is no Logger. Then
// addMux and observe do nothing.
type routeWatch struct {
	log    *slog.Logger
	stage  usageplan.Stage
	exact  bool              // see muxPatternOf
	public *nameSet          // nil if Config.Public is empty
	plans  readMap[*nameSet] // by the ID of the plan

	mu         sync.Mutex
	muxes      []*http.ServeMux
	unknownMux atomic.Bool // the mux of some handler is not known

	routed atomic.Bool  // a known mux had a pattern, other than "/", for some request
	strips atomic.Int64 // calls of checkStripped, see maxStrips
}

// newRouteWatch returns nil if there is no Logger.
func newRouteWatch(cfg Config) *routeWatch {
	if cfg.Logger == nil {
		return nil
	}
	w := &routeWatch{log: cfg.Logger, stage: usageplan.Stage{API: cfg.API, Name: cfg.Stage}, exact: cfg.Route != nil}
	w.unknownMux.Store(cfg.Route != nil)
	if len(cfg.Public) > 0 {
		w.public = newNameSet(cfg.Public, w.exact, new(sync.Map))
	}
	if cfg.Mux != nil {
		w.addMux(cfg.Mux)
	}
	return w
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
	if mux != nil && pattern != "" && pattern != "/" && !w.routed.Load() {
		w.routed.Store(true)
	}
	if w.public != nil {
		w.examine(w.public, r, mux, pattern, nil)
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
	n := newNameSet(routesOf(p, w.stage), w.exact, warned)
	n.version, n.routes = p.Version, true
	w.plans.put(p.ID, n, maxPlans)
	return n
}

// examine warns of a name that r matches, if the router has taken r for another pattern.
// The plan is nil if the names are those of Config.Public.
func (w *routeWatch) examine(n *nameSet, r *http.Request, mux *http.ServeMux, pattern string, p *usageplan.Plan) {
	if len(n.patterns) == 0 {
		return
	}
	if !n.checked.Load() && !n.checked.Swap(true) {
		w.checkMuxes(n, r, p)
	}
	if found := n.hiddenFor(r, pattern); found != "" {
		w.warn(r.Context(), n, hidden, found, pattern, p)
	}
	if mux != nil && (pattern == "" || pattern == "/") && !w.routed.Load() && w.strips.Add(1) <= maxStrips {
		w.checkStripped(n, r, pattern, p)
	}
}

// checkMuxes warns of names that no mux has, if all muxes are known. A Middleware with a
// stage is one of several, so the mux need not have all routes of a plan, only those of
// the stage.
func (w *routeWatch) checkMuxes(n *nameSet, r *http.Request, p *usageplan.Plan) {
	w.mu.Lock()
	muxes := w.muxes
	w.mu.Unlock()
	if w.unknownMux.Load() || len(muxes) == 0 {
		return
	}
	for name := range n.patterns {
		if p != nil && w.stage.API != "" && !has(p.StageRoutes[w.stage], name) {
			continue
		}
		var found bool
		var instead string
		for _, mux := range muxes {
			served, pattern := n.servedBy(mux, name, r.Host)
			found = found || served
			instead = cmp.Or(pattern, instead)
		}
		if !found {
			w.warn(r.Context(), n, missing, name, instead, p)
		}
	}
}

func has(routes map[string]limiter.Limit, name string) bool {
	_, ok := routes[name]
	return ok
}

// checkStripped warns of a name that r matches without the first segments of its path. In
// that case the known mux stands behind an http.StripPrefix.
func (w *routeWatch) checkStripped(n *nameSet, r *http.Request, pattern string, p *usageplan.Plan) {
	var names nameMux
	for name, pattern := range n.patterns {
		names.add(pattern, name)
	}
	rest := r.URL.EscapedPath()
	for range deepest {
		slash := strings.IndexByte(rest[min(1, len(rest)):], '/')
		if slash < 0 {
			return
		}
		rest = rest[slash+1:]
		plain, err := url.PathUnescape(rest)
		if err != nil {
			return
		}
		inner := &http.Request{Method: r.Method, Host: r.Host, URL: &url.URL{Path: plain, RawPath: rest}}
		if found := names.nameFor(inner); found != "" {
			w.warn(r.Context(), n, hidden, found, pattern, p)
			return
		}
	}
}

// These are the ends of the sentences that the Logger is warned with.
const (
	hidden  = "has no effect: the router takes requests for it for another pattern; if the router has it, tell the middleware of the router by Config.Mux or Config.Route"
	missing = "is not in the mux: it has no effect unless another Middleware has it"
)

// warn warns of a name, but only once. It does not log the request's path, which may hold
// a secret.
func (w *routeWatch) warn(ctx context.Context, n *nameSet, what, name, seen string, p *usageplan.Plan) {
	if _, before := n.warned.LoadOrStore(name, true); before {
		return
	}
	if seen == "" {
		seen = "(none)"
	}
	if p == nil {
		w.log.LogAttrs(ctx, slog.LevelWarn, "ration: a pattern of Config.Public "+what, slog.String("public", name), slog.String("seen", seen))
		return
	}
	w.log.LogAttrs(ctx, slog.LevelWarn, "ration: a route that a plan limits "+what,
		slog.String("plan", p.ID), slog.String("route", name), slog.String("seen", seen))
}
