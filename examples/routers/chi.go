package routers

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/ration-go/ration/middleware"
)

// Chi returns a Config.Route for the outermost router of chi. Chi knows the whole pattern
// of a request only after the request has gone through all groups and sub-routers. So the
// function asks the router again.
func Chi(router chi.Routes) func(*http.Request) string {
	return middleware.FindRoute(func(method, path string) string {
		found := chi.NewRouteContext()
		if !router.Match(found, method, path) {
			return ""
		}
		return found.RoutePattern()
	})
}

// ChiRoutes returns all routes of a router of chi, for AddRoutes.
func ChiRoutes(router chi.Routes) (routes []string) {
	_ = chi.Walk(router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes = append(routes, method+" "+cmp.Or(strings.TrimSuffix(route, "/"), "/"))
		return nil
	})
	return routes
}
