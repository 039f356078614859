package routers

import (
	"net/http"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
)

// Behind returns a handler that enforces plans outside other middleware of a mux.
func Behind(g *gate.Gate, mux *http.ServeMux, logging func(http.Handler) http.Handler) (http.Handler, error) {
	mw, err := middleware.New(g, middleware.Config{Mux: mux})
	if err != nil {
		return nil, err
	}
	return mw.Handler(logging(mux)), nil
}

// BelowPrefix registers a mux below a prefix that its patterns do not have, and enforces
// plans on it.
func BelowPrefix(g *gate.Gate, outer, api *http.ServeMux, logging func(http.Handler) http.Handler) error {
	mw, err := middleware.New(g, middleware.Config{Mux: api})
	if err != nil {
		return err
	}
	outer.Handle("/v1/", http.StripPrefix("/v1", mw.Handler(logging(api))))
	return nil
}

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
