package routers

import (
	"net/http"

	"github.com/gorilla/mux"
)

// Gorilla returns a Config.Route for the outermost router of gorilla/mux.
func Gorilla(router *mux.Router) func(*http.Request) string {
	return func(r *http.Request) string {
		var found mux.RouteMatch
		if !router.Match(r, &found) || found.Route == nil {
			return ""
		}
		path, _ := found.Route.GetPathTemplate()
		return r.Method + " " + path
	}
}

// GorillaRoutes returns all routes of a router of gorilla/mux, for AddRoutes. A route
// without methods serves all of them.
func GorillaRoutes(router *mux.Router) (routes []string) {
	_ = router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, _ := route.GetPathTemplate()
		methods, _ := route.GetMethods()
		for _, method := range methods {
			routes = append(routes, method+" "+path)
		}
		return nil
	})
	return routes
}
