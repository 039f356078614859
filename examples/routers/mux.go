package routers

import "net/http"

// Nested returns a Config.Route for a mux that has other muxes below some of its
// patterns. The map has the inner mux of each such pattern.
func Nested(outer *http.ServeMux, inner map[string]*http.ServeMux) func(*http.Request) string {
	return func(r *http.Request) string {
		_, pattern := outer.Handler(r)
		if mux := inner[pattern]; mux != nil {
			_, pattern = mux.Handler(r)
		}
		return pattern
	}
}
