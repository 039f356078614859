package routers

import (
	"net/http"

	"github.com/go-chi/chi/v5"

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

// AroundNested returns a handler that enforces plans outside a mux that has another mux
// below "/api/".
func AroundNested(g *gate.Gate, outer, api *http.ServeMux) (http.Handler, error) {
	mw, err := middleware.New(g, middleware.Config{
		Route: Nested(outer, map[string]*http.ServeMux{"/api/": api}),
	})
	if err != nil {
		return nil, err
	}
	return mw.Handler(outer), nil
}

// AroundChi returns a handler that enforces plans outside a chi router.
func AroundChi(g *gate.Gate, router chi.Router) (http.Handler, error) {
	mw, err := middleware.New(g, middleware.Config{Route: Chi(router)})
	if err != nil {
		return nil, err
	}
	return mw.Handler(router), nil
}

// InChiGroup adds a group to a chi router and enforces plans in it.
func InChiGroup(g *gate.Gate, router chi.Router, routes func(chi.Router)) error {
	mw, err := middleware.New(g, middleware.Config{Route: Chi(router)})
	if err != nil {
		return err
	}
	router.Group(func(r chi.Router) {
		r.Use(mw.Handler)
		routes(r)
	})
	return nil
}
