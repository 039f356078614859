package routers

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/julienschmidt/httprouter"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/internal/routename"
	"github.com/ration-go/ration/middleware"
)

// TestNames has random patterns and paths.
func TestNames(t *testing.T) {
	for name, r := range map[string]struct {
		segments []string
		build    func(mw *middleware.Middleware, patterns []string, served func(string)) (h http.Handler, names []string)
	}{
		"chi": {[]string{"a", "b", "ab", "{id}", "{id:[0-9]+}", "{id:[a-z]{2}}", "{a}-{b}", "x-{a}", "a:b", "*", "ü", "a+b", "a%2Fb"}, func(mw *middleware.Middleware, patterns []string, served func(string)) (http.Handler, []string) {
			r := chi.NewRouter()
			for _, pattern := range patterns {
				r.Get(pattern, func(http.ResponseWriter, *http.Request) { served(pattern) })
			}
			return naming(mw, Chi(r), r), ChiRoutes(r)
		}},
		"gorilla/mux": {[]string{"a", "b", "ab", "{id}", "{id:[0-9]+}", "{id:[a-z]{2}}", "{a}-{b}", "x-{a}", "a:b", "ü", "a+b", "{rest:.*}"}, func(mw *middleware.Middleware, patterns []string, served func(string)) (http.Handler, []string) {
			r := mux.NewRouter().SkipClean(true) // otherwise it redirects a path with //
			for _, pattern := range patterns {
				r.Methods(http.MethodGet).Path(pattern).HandlerFunc(func(http.ResponseWriter, *http.Request) { served(pattern) })
			}
			return naming(mw, Gorilla(r), r), GorillaRoutes(r)
		}},
		"httprouter": {[]string{"a", "b", "ab", ":id", "a:id", ":x.json", "*path", "ü", "a+b", ""}, func(mw *middleware.Middleware, patterns []string, served func(string)) (http.Handler, []string) {
			r := httprouter.New()
			var names []string
			for _, pattern := range patterns {
				HTTPRouter(r, mw, http.MethodGet, pattern, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served(pattern) }))
				names = append(names, "GET "+pattern)
			}
			return r, names
		}},
	} {
		t.Run(name, func(t *testing.T) {
			fronttest.Names(t, fronttest.NamedRouter{Segments: r.segments, Build: func(mw *middleware.Middleware, patterns []string, served func(string)) ([]string, func(*http.Request)) {
				h, names := r.build(mw, patterns, served)
				for i, name := range names {
					names[i] = routename.Of(name)
				}
				return names, func(req *http.Request) { h.ServeHTTP(httptest.NewRecorder(), req) }
			}})
		})
	}
}

// naming serves h behind a middleware that asks route for the names of routes.
func naming(mw *middleware.Middleware, route func(*http.Request) string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mw.ServeRoute(w, r, route(r), h) })
}
