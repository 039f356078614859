package routers

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/mux"
	"github.com/julienschmidt/httprouter"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
)

// A router is built for the routes of a case. Its middleware is made before, so its
// Config.Route calls the function that build sets.
type router struct {
	fronttest.HTTPFront
	build func(mw *middleware.Middleware, routes []fronttest.HTTPRoute) (h http.Handler, route func(*http.Request) string)
}

// front returns the front of a router.
func (r router) front() fronttest.HTTPFront {
	var route func(*http.Request) string
	r.Route = func(req *http.Request) string {
		if route == nil {
			return ""
		}
		return route(req)
	}
	r.Serve = func(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
		var h http.Handler
		h, route = r.build(mw, routes)
		return fronttest.Listen(t, h)
	}
	return r.HTTPFront
}

// logging stands for a logging middleware: it hides that h is a mux.
func logging(h http.Handler) http.Handler { return http.HandlerFunc(h.ServeHTTP) }

var routers = map[string]router{
	"nested muxes": {fronttest.HTTPFront{Redirects: false, Heads: true, Answers405: true}, func(mw *middleware.Middleware, routes []fronttest.HTTPRoute) (http.Handler, func(*http.Request) string) {
		outer, inner := http.NewServeMux(), map[string]*http.ServeMux{}
		for _, route := range routes {
			prefix, _ := fronttest.Split(route.Path)
			prefix += "/"
			if inner[prefix] == nil {
				inner[prefix] = http.NewServeMux()
				outer.Handle(prefix, logging(inner[prefix]))
			}
			inner[prefix].Handle(route.Method+" "+route.Path, route.NetHTTP())
		}
		return mw.Handler(outer), Nested(outer, inner)
	}},
	"chi, around it": {fronttest.HTTPFront{Answers405: true}, func(mw *middleware.Middleware, routes []fronttest.HTTPRoute) (http.Handler, func(*http.Request) string) {
		r := chiRouter(routes)
		mw.AddRoutes(ChiRoutes(r)...)
		return mw.Handler(r), Chi(r)
	}},
	"chi, around it, with GetHead and StripSlashes": {fronttest.HTTPFront{Answers405: true, Heads: true, Ignores: true}, func(mw *middleware.Middleware, routes []fronttest.HTTPRoute) (http.Handler, func(*http.Request) string) {
		r := chiRouter(routes, chimiddleware.GetHead)
		return chimiddleware.StripSlashes(mw.Handler(r)), Chi(r)
	}},
	"chi, inside it": {fronttest.HTTPFront{Answers405: true}, func(mw *middleware.Middleware, routes []fronttest.HTTPRoute) (http.Handler, func(*http.Request) string) {
		r := chiRouter(routes, mw.Handler)
		mw.AddRoutes(ChiRoutes(r)...)
		return r, Chi(r)
	}},
	"chi, in groups and sub-routers": {fronttest.HTTPFront{}, func(mw *middleware.Middleware, routes []fronttest.HTTPRoute) (http.Handler, func(*http.Request) string) {
		r := chi.NewRouter()
		for prefix, group := range byPrefix(routes) {
			r.Route(prefix, func(sub chi.Router) {
				sub.Use(mw.Handler)
				for _, route := range group {
					_, rest := fronttest.Split(route.Path)
					sub.Method(route.Method, rest, route.NetHTTP())
				}
			})
		}
		mw.AddRoutes(ChiRoutes(r)...)
		return r, Chi(r)
	}},
	"gorilla": {fronttest.HTTPFront{Answers405: true}, func(mw *middleware.Middleware, routes []fronttest.HTTPRoute) (http.Handler, func(*http.Request) string) {
		r := mux.NewRouter()
		for prefix, group := range byPrefix(routes) {
			sub := r.PathPrefix(prefix).Subrouter()
			for _, route := range group {
				_, rest := fronttest.Split(route.Path)
				sub.Handle(rest, route.NetHTTP()).Methods(route.Method)
			}
		}
		mw.AddRoutes(GorillaRoutes(r)...)
		return mw.Handler(r), Gorilla(r)
	}},
	"httprouter": {fronttest.HTTPFront{Redirects: true}, func(mw *middleware.Middleware, routes []fronttest.HTTPRoute) (http.Handler, func(*http.Request) string) {
		r := httprouter.New()
		r.HandleOPTIONS = false
		for _, route := range routes {
			HTTPRouter(r, mw, route.Method, fronttest.Colons(route.Path), route.NetHTTP())
		}
		return r, nil
	}},
}

func chiRouter(routes []fronttest.HTTPRoute, use ...func(http.Handler) http.Handler) chi.Router {
	r := chi.NewRouter()
	r.Use(use...)
	for prefix, group := range byPrefix(routes) {
		r.Route(prefix, func(sub chi.Router) {
			for _, route := range group {
				_, rest := fronttest.Split(route.Path)
				sub.Method(route.Method, rest, route.NetHTTP())
			}
		})
	}
	return r
}

// byPrefix returns routes by the first segment of their paths.
func byPrefix(routes []fronttest.HTTPRoute) map[string][]fronttest.HTTPRoute {
	groups := map[string][]fronttest.HTTPRoute{}
	for _, route := range routes {
		prefix, _ := fronttest.Split(route.Path)
		groups[prefix] = append(groups[prefix], route)
	}
	return groups
}

// TestFront runs the tables against each router.
func TestFront(t *testing.T) {
	for name, r := range routers {
		t.Run(name, func(t *testing.T) {
			fronttest.Run(t, r.front().Front())
			fronttest.RunHTTP(t, r.front())
		})
	}
}
