package routers

import (
	"context"
	"net/http"
)

type routeKey struct{}

// withRoute returns a request whose route FromContext finds. An empty path is none.
func withRoute(r *http.Request, path string) *http.Request {
	if path == "" {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), routeKey{}, r.Method+" "+path))
}

// FromContext is a Config.Route for routers that tell a request's path to their own
// middleware only.
func FromContext(r *http.Request) string {
	pattern, _ := r.Context().Value(routeKey{}).(string)
	return pattern
}
