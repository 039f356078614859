package middleware

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// maxStrips bounds the number of requests that checkStripped looks at.
const maxStrips = 64

// checkRouters warns of names that no router has, if all routers are known muxes or if
// AddRoutes has told the routes. A Middleware with a stage is one of several, so its
// routers need not have all routes of a plan, only those of the stage.
func (w *routeWatch) checkRouters(n *nameSet, r *http.Request, p *usageplan.Plan) {
	w.mu.Lock()
	muxes := w.muxes
	w.mu.Unlock()
	if _, told := w.routes.has(""); !told && (w.unknownMux.Load() || len(muxes) == 0) {
		return
	}
	for name := range n.patterns {
		if p != nil && w.stage.API != "" && !has(p.StageRoutes[w.stage], name) {
			continue
		}
		found, _ := w.routes.has(nameOf(name))
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
