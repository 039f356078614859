package routers

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// service is a Ration and a key. The key's plan admits one request on each of the given
// routes.
type service struct {
	*ration.Ration
	t      *testing.T
	secret string
	log    bytes.Buffer
}

func newService(t *testing.T, routes ...string) *service {
	s := &service{t: t, Ration: ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))}
	t.Cleanup(func() { _ = s.Close() })
	limits := map[string]limiter.Limit{}
	for _, route := range routes {
		limits[route] = limiter.Limit{Rate: 0.001, Burst: 1}
	}
	_, err := s.Plans.Create(t.Context(), usageplan.Plan{ID: "free", Routes: limits})
	require.NoError(t, err)
	_, secret, err := s.Issue(t.Context(), "free", "client")
	require.NoError(t, err)
	s.secret = string(secret)
	return s
}

func (s *service) middleware(cfg middleware.Config) *middleware.Middleware {
	cfg.Logger = slog.New(slog.NewTextHandler(&s.log, nil))
	mw, err := middleware.New(s.Gate, cfg)
	require.NoError(s.t, err)
	return mw
}

// status returns the status of the answer to a request such as "GET /path".
func (s *service) status(h http.Handler, line string) int {
	method, target, _ := strings.Cut(line, " ")
	r, w := httptest.NewRequest(method, target, nil), httptest.NewRecorder()
	r.Header.Set("X-API-Key", s.secret)
	h.ServeHTTP(w, r)
	return w.Code
}

func ok(http.ResponseWriter, *http.Request) {}

// tree returns a router of chi with groups and sub-routers, each with the middleware mw
// unless that is nil.
func tree(mw func(http.Handler) http.Handler) chi.Router {
	router := chi.NewRouter()
	use := func(r chi.Router) {
		if mw != nil {
			r.Use(mw)
		}
	}
	router.Group(func(r chi.Router) {
		use(r)
		r.Get("/pets/{n:[0-9]+}", ok)
		r.Get("/files/*", ok)
	})
	router.Route("/api", func(r chi.Router) {
		use(r)
		r.Get("/", ok)
		r.Route("/reports", func(r chi.Router) { r.Get("/{id}", ok) })
	})
	return router
}

// TestChi compares the names of chi's routes with those of its requests.
func TestChi(t *testing.T) {
	router := tree(nil)
	require.ElementsMatch(t, []string{"GET /pets/{n:[0-9]+}", "GET /files/*", "GET /api", "GET /api/reports/{id}"}, ChiRoutes(router))
	for _, c := range []struct{ route, first, second string }{
		{"GET /pets/{n}", "/pets/1", "/pets/2"},
		{"GET /files/{path...}", "/files/a", "/files/b/c"},
		{"GET /api", "/api", "/api/"},
		{"GET /api/reports/{id}", "/api/reports/1", "/api/reports/2"},
	} {
		s := newService(t, c.route)
		mw := s.middleware(middleware.Config{Route: Chi(router)})
		mw.AddRoutes(ChiRoutes(router)...)
		h := mw.Handler(router)
		require.Equal(t, 200, s.status(h, "GET "+c.first), c.route)
		require.Equal(t, 429, s.status(h, "GET "+c.second), c.route)
		require.Empty(t, s.log.String())
	}
}

// TestRouteFaults finds a name without the prefix of a sub-router at the start.
func TestRouteFaults(t *testing.T) {
	s := newService(t, "GET /reports/{id}", "GET /api/reports/{id}")
	s.Middleware.AddRoutes(ChiRoutes(tree(nil))...)
	faults, err := s.Plans.RouteFaults(t.Context())
	require.NoError(t, err)
	require.Equal(t, []usageplan.PlanRoute{{PlanID: "free", Route: "GET /reports/{id}", Fault: "no router has it"}}, faults)
}

// TestStripSlashes checks that StripSlashes is safe around the middleware, which then
// sees the path by which chi routes. Inside the router it lets a request leave the
// throttle of its route.
func TestStripSlashes(t *testing.T) {
	for inside, want := range map[bool]int{false: 429, true: 200} {
		router := chi.NewRouter()
		if inside {
			router.Use(chimiddleware.StripSlashes)
		}
		router.Get("/pets/{id}", ok)
		s := newService(t, "GET /pets/{id}")
		h := s.middleware(middleware.Config{Route: Chi(router)}).Handler(router)
		if !inside {
			h = chimiddleware.StripSlashes(h)
		}
		require.Equal(t, 200, s.status(h, "GET /pets/1"))
		require.Equal(t, want, s.status(h, "GET /pets/1/"))
	}
}

// TestWithout shows why the code of docs/routers.md is needed: without it a throttle has
// no effect, and the Logger gets a warning.
func TestWithout(t *testing.T) {
	for name, c := range map[string]struct {
		route  func(*http.Request) string
		setUp  func(*middleware.Middleware) http.Handler
		warned string
	}{
		"nothing": {nil, func(mw *middleware.Middleware) http.Handler { return mw.Handler(tree(nil)) }, `seen=(none)`},
		"a group": {nil, func(mw *middleware.Middleware) http.Handler { return tree(mw.Handler) }, `seen=/api/*`},
		"RoutePattern too early": {func(r *http.Request) string { return chi.RouteContext(r.Context()).RoutePattern() },
			func(mw *middleware.Middleware) http.Handler { return tree(mw.Handler) }, `seen=/api/{path...}`},
	} {
		s := newService(t, "GET /api/reports/{id}")
		h := c.setUp(s.middleware(middleware.Config{Route: c.route}))
		require.Equal(t, 200, s.status(h, "GET /api/reports/1"), name)
		require.Equal(t, 200, s.status(h, "GET /api/reports/2"), name)
		require.Equal(t, 1, strings.Count(s.log.String(), "has no effect"), name)
		require.Contains(t, s.log.String(), c.warned, name)
	}
}

// TestMuxes throttles a route through the set-ups of http.ServeMux.
func TestMuxes(t *testing.T) {
	api := http.NewServeMux()
	api.HandleFunc("GET /pets/{id}", ok)

	s := newService(t, "GET /pets/{id}")
	h, err := Behind(s.Gate, api, logging)
	require.NoError(t, err)
	require.Equal(t, 200, s.status(h, "GET /pets/1"))
	require.Equal(t, 429, s.status(h, "GET /pets/2"))

	s = newService(t, "GET /pets/{id}")
	outer := http.NewServeMux()
	require.NoError(t, BelowPrefix(s.Gate, outer, api, logging))
	require.Equal(t, 200, s.status(outer, "GET /v1/pets/1"))
	require.Equal(t, 429, s.status(outer, "GET /v1/pets/2"))
}
