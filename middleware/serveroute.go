package middleware

import (
	"net/http"

	"github.com/ration-go/ration/internal/routename"
)

// ServeRoute serves r as Handler does: it passes r on to next if it is admitted, and
// refuses it otherwise. It is for adapters of routers that know the route of a request
// before the handlers run. The modules routers/gin, routers/echo and routers/fiber have
// such adapters. A router with handlers of net/http needs a line for each route:
//
//	router.Handle("/reports/:id", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//		mw.ServeRoute(w, r, r.Method+" /reports/:id", report)
//	}))
//
// The route is a pattern as Config.Route returns it. It is empty if the router has none
// for r. ServeRoute does not look into a mux.
func (m *Middleware) ServeRoute(w http.ResponseWriter, r *http.Request, route string, next http.Handler) {
	m.watch.useOther()
	m.handle(w, r, knownMux{named: true, route: routename.Of(route)}, next)
}
