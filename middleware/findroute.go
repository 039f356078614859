package middleware

import (
	"cmp"
	"net/http"
)

// FindRoute returns a Config.Route for a router that can look up a method and a path
// without serving a request. The function find returns the pattern of the path, without
// the method, or "" if the router has no route. For chi it is
//
//	func(method, path string) string {
//		found := chi.NewRouteContext()
//		if !router.Match(found, method, path) {
//			return ""
//		}
//		return found.RoutePattern()
//	}
//
// The path is escaped as the client sent it, which is how chi routes. If find knows no
// route for a HEAD, it is asked for a GET, which may serve the HEAD.
func FindRoute(find func(method, path string) string) func(*http.Request) string {
	return func(r *http.Request) string {
		path := cmp.Or(r.URL.RawPath, r.URL.Path, "/")
		method := r.Method
		pattern := find(method, path)
		if pattern == "" && method == http.MethodHead {
			method = http.MethodGet
			pattern = find(method, path)
		}
		if pattern == "" {
			return ""
		}
		return method + " " + pattern
	}
}
