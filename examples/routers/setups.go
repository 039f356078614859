package routers

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
)

// Behind enforces plans outside other middleware that stands around a mux.
func Behind(g *gate.Gate, mux *http.ServeMux, logging func(http.Handler) http.Handler) (http.Handler, error) {
	mw, err := middleware.New(g, middleware.Config{Mux: mux})
	if err != nil {
		return nil, err
	}
	return mw.Handler(logging(mux)), nil
}

// BelowPrefix enforces plans on a mux that knows nothing of the prefix before its paths.
func BelowPrefix(g *gate.Gate, outer, api *http.ServeMux, logging func(http.Handler) http.Handler) error {
	mw, err := middleware.New(g, middleware.Config{Mux: api})
	if err != nil {
		return err
	}
	outer.Handle("/v1/", http.StripPrefix("/v1", mw.Handler(logging(api))))
	return nil
}

// AroundNested enforces plans outside a mux that has another one below "/api/".
func AroundNested(g *gate.Gate, outer, api *http.ServeMux) (http.Handler, error) {
	mw, err := middleware.New(g, middleware.Config{
		Route: Nested(outer, map[string]*http.ServeMux{"/api/": api}),
	})
	if err != nil {
		return nil, err
	}
	return mw.Handler(outer), nil
}

// AroundChi enforces plans outside a chi router.
func AroundChi(g *gate.Gate, router chi.Router) (http.Handler, error) {
	mw, err := middleware.New(g, middleware.Config{Route: Chi(router)})
	if err != nil {
		return nil, err
	}
	return mw.Handler(router), nil
}

// InChiGroup enforces plans in one group of a chi router.
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
