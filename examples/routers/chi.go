package routers

import (
	"cmp"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// Chi returns a Config.Route for the outermost router of chi. Chi knows the whole pattern
// of a request only after the request has gone through all groups and sub-routers. So the
// function asks the router again.
func Chi(router chi.Router) func(*http.Request) string {
	return func(r *http.Request) string {
		path := cmp.Or(r.URL.RawPath, r.URL.Path, "/")
		for _, method := range []string{r.Method, http.MethodGet} {
			found := chi.NewRouteContext()
			if router.Match(found, method, path) {
				return method + " " + found.RoutePattern()
			}
			if r.Method != http.MethodHead { // middleware.GetHead serves a HEAD by the GET
				break
			}
		}
		return ""
	}
}
