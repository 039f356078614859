package routers

import (
	"context"
	"net/http"
)

type routeKey struct{}

// withRoute returns r with a route that FromContext finds. An empty path means that no
// route was found.
func withRoute(r *http.Request, path string) *http.Request {
	if path == "" {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), routeKey{}, r.Method+" "+path))
}

// FromContext returns the route in the context of r, or "" if there is none. It is a
// Config.Route for routers that tell the pattern of a request only to their own
// middleware.
func FromContext(r *http.Request) string {
	pattern, _ := r.Context().Value(routeKey{}).(string)
	return pattern
}
