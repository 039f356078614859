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

// maxPlans bounds the plans that are watched.
const maxPlans = 1024

// maxStrips bounds the requests that are tried without the first segments of their path.
const maxStrips = 64

// watch warns of patterns that have no effect, each once: those of Public, and the routes
// that plans throttle. It warns when a request shows it, so that a route that nobody has
// called yet is no reason. Where all muxes are known it warns at the first request.
type watch struct {
	log    *slog.Logger
	stage  usageplan.Stage
	exact  bool // the patterns are those of another router
	public *names

	plans book[*names] // by ID

	mu    sync.Mutex
	muxes []*http.ServeMux
	other atomic.Bool // there are handlers whose mux is not known

	routed atomic.Bool  // a known mux has had a request for one of its patterns
	strips atomic.Int64 // see maxStrips
}

// newWatch returns nil where there is no Logger.
func newWatch(cfg Config) *watch {
	if cfg.Logger == nil {
		return nil
	}
	w := &watch{log: cfg.Logger, stage: usageplan.Stage{API: cfg.API, Name: cfg.Stage}, exact: cfg.Route != nil}
	w.other.Store(cfg.Route != nil)
	if len(cfg.Public) > 0 {
		w.public = newNames(cfg.Public, w.exact, new(sync.Map))
	}
	if cfg.Mux != nil {
		w.knows(cfg.Mux)
	}
	return w
}

// knows adds the mux of a handler; nil: it is not known.
func (w *watch) knows(mux *http.ServeMux) {
	switch {
	case w == nil || mux == nil && w.other.Load():
		return
	case mux == nil:
		w.other.Store(true)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.muxes, mux) {
		w.muxes = append(w.muxes, mux)
	}
}

// see looks at a request: the pattern that it had, and its plan, if that is known.
func (w *watch) see(r *http.Request, mux *http.ServeMux, pattern string, p *usageplan.Plan) {
	if w == nil {
		return
	}
	if mux != nil && pattern != "" && pattern != "/" && !w.routed.Load() {
		w.routed.Store(true)
	}
	if w.public != nil {
		w.look(w.public, r, mux, pattern, nil)
	}
	if p == nil || len(p.Routes)+len(p.StageRoutes) == 0 {
		return
	}
	if n := w.namesOf(p); n != nil {
		w.look(n, r, mux, nameOf(pattern), p)
	}
}

// namesOf returns the routes that a plan names; nil: it is not watched.
func (w *watch) namesOf(p *usageplan.Plan) *names {
	known, ok := w.plans.get(p.ID)
	if ok && known.version == p.Version {
		return known
	}
	told := new(sync.Map)
	if ok {
		told = known.told
	}
	if !ok && w.plans.full(maxPlans) {
		return nil
	}
	n := newNames(routesOf(p, w.stage), w.exact, told)
	n.version, n.routes = p.Version, true
	w.plans.put(p.ID, n, maxPlans)
	return n
}

// look warns of a name that r is for, if the router has taken r for another pattern.
func (w *watch) look(n *names, r *http.Request, mux *http.ServeMux, pattern string, p *usageplan.Plan) {
	if len(n.forms) == 0 {
		return
	}
	if !n.checked.Load() && !n.checked.Swap(true) {
		w.check(n, r, p)
	}
	if found := n.hidden(r, pattern); found != "" {
		w.warn(r.Context(), n, hidden, found, pattern, p)
	}
	if mux != nil && (pattern == "" || pattern == "/") && !w.routed.Load() && w.strips.Add(1) <= maxStrips {
		w.stripped(n, r, pattern, p)
	}
}

// check warns of names that no mux has, if all muxes are known. A Middleware with a stage
// is one of several, so that it does not expect all routes of a plan, only those of its
// stage.
func (w *watch) check(n *names, r *http.Request, p *usageplan.Plan) {
	w.mu.Lock()
	muxes := w.muxes
	w.mu.Unlock()
	if w.other.Load() || len(muxes) == 0 {
		return
	}
	for text := range n.forms {
		if p != nil && w.stage.API != "" && !has(p.StageRoutes[w.stage], text) {
			continue
		}
		var found bool
		var instead string
		for _, mux := range muxes {
			has, pattern := n.in(mux, text, r.Host)
			found, instead = found || has, cmp.Or(pattern, instead)
		}
		if !found {
			w.warn(r.Context(), n, missing, text, instead, p)
		}
	}
}

func has(routes map[string]limiter.Limit, name string) bool {
	_, ok := routes[name]
	return ok
}

// stripped warns of a name that r is for without the first segments of its path: the mux
// that is known is then behind an http.StripPrefix.
func (w *watch) stripped(n *names, r *http.Request, pattern string, p *usageplan.Plan) {
	mux := http.NewServeMux()
	for text, f := range n.forms {
		register(mux, f, text)
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
		if found := nameFor(mux, inner); found != "" {
			w.warn(r.Context(), n, hidden, found, pattern, p)
			return
		}
	}
}

// What the Logger is warned of.
const (
	hidden  = "has no effect: requests for it have another pattern; if the router has it, name the router by Config.Mux or Config.Route"
	missing = "is not in the mux; unless another Middleware has it, it has no effect"
)

// warn tells of a name once. It does not show the request's path, which may hold a
// secret.
func (w *watch) warn(ctx context.Context, n *names, what, text, seen string, p *usageplan.Plan) {
	if _, before := n.told.LoadOrStore(text, true); before {
		return
	}
	if seen == "" {
		seen = "(none)"
	}
	if p == nil {
		w.log.LogAttrs(ctx, slog.LevelWarn, "ration: a pattern of Config.Public "+what, slog.String("public", text), slog.String("seen", seen))
		return
	}
	w.log.LogAttrs(ctx, slog.LevelWarn, "ration: a route that a plan throttles "+what,
		slog.String("plan", p.ID), slog.String("route", text), slog.String("seen", seen))
}
