package routers

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/labstack/echo/v4"
	echo5 "github.com/labstack/echo/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// service is a Gate and a key. The key's plan admits one request on each of the given
// routes.
type service struct {
	t      *testing.T
	gate   *gate.Gate
	keyID  string
	secret string
	log    bytes.Buffer
}

func newService(t *testing.T, routes ...string) *service {
	st := memory.New(memory.Config{})
	keys, plans := must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
	limits := map[string]limiter.Limit{}
	for _, route := range routes {
		limits[route] = limiter.Limit{Rate: 0.001, Burst: 1}
	}
	key, secret, err := keys.Create(t.Context(), apikey.Key{Name: "key", Enabled: true})
	require.NoError(t, err)
	plan, err := plans.Create(t.Context(), usageplan.Plan{Routes: limits, Quotas: []quota.Quota{{Limit: 1000, Period: quota.Day}}})
	require.NoError(t, err)
	require.NoError(t, plans.Link(t.Context(), plan.ID, key.ID))
	g, err := gate.New(st, st, st, gate.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	return &service{t: t, gate: g, keyID: key.ID, secret: string(secret)}
}

func (s *service) middleware(cfg middleware.Config) *middleware.Middleware {
	cfg.Logger = slog.New(slog.NewTextHandler(&s.log, nil))
	mw, err := middleware.New(s.gate, cfg)
	require.NoError(s.t, err)
	return mw
}

// status returns the status of the answer to a request such as "GET /path". A request
// such as "-GET /path" is sent without the key.
func (s *service) status(h http.Handler, line string) int {
	line, anonymous := strings.CutPrefix(line, "-")
	method, target, _ := strings.Cut(line, " ")
	r, w := httptest.NewRequest(method, target, nil), httptest.NewRecorder()
	if !anonymous {
		r.Header.Set("X-API-Key", s.secret)
	}
	h.ServeHTTP(w, r)
	return w.Code
}

func (s *service) used() int64 {
	d, err := s.gate.Peek(s.t.Context(), gate.Request{KeyID: s.keyID})
	require.NoError(s.t, err)
	return d.Level(0).Max - d.Level(0).Remaining()
}

func ok(w http.ResponseWriter, r *http.Request) {}

// logging stands for a logging middleware: it hides that h is a mux.
func logging(h http.Handler) http.Handler { return http.HandlerFunc(h.ServeHTTP) }

// setUps are ways to serve one API. /api/reports/{id} and /api/health are in a
// sub-router, and /pets/{n} is beside it.
var setUps = []struct {
	name    string
	reports string // the name of its route in plans
	pets    string
	health  string
	make    func(s *service, health string) http.Handler
}{
	{"one mux behind logging", "GET /api/reports/{id}", "GET /pets/{n}", "GET /api/health", func(s *service, health string) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /api/reports/{id}", ok)
		mux.HandleFunc("GET /api/health", ok)
		mux.HandleFunc("GET /pets/{n}", ok)
		mw := s.middleware(middleware.Config{Mux: mux, Public: []string{health}})
		return mw.Handler(logging(mux))
	}},
	{"nested muxes", "GET /api/reports/{id}", "GET /pets/{n}", "GET /api/health", func(s *service, health string) http.Handler {
		outer, api := http.NewServeMux(), http.NewServeMux()
		api.HandleFunc("GET /api/reports/{id}", ok)
		api.HandleFunc("GET /api/health", ok)
		outer.Handle("/api/", logging(api))
		outer.HandleFunc("GET /pets/{n}", ok)
		mw := s.middleware(middleware.Config{
			Route:  Nested(outer, map[string]*http.ServeMux{"/api/": api}),
			Public: []string{health},
		})
		return mw.Handler(outer)
	}},
	{"StripPrefix", "GET /reports/{id}", "GET /pets/{n}", "GET /health", func(s *service, health string) http.Handler {
		outer, api := http.NewServeMux(), http.NewServeMux()
		api.HandleFunc("GET /reports/{id}", ok)
		api.HandleFunc("GET /health", ok)
		forAPI := s.middleware(middleware.Config{Mux: api, Public: []string{health}})
		outer.Handle("/api/", http.StripPrefix("/api", forAPI.Handler(logging(api))))
		forOthers := s.middleware(middleware.Config{})
		outer.Handle("GET /pets/{n}", forOthers.Handler(http.HandlerFunc(ok)))
		return outer
	}},
	{"chi, around it", "GET /api/reports/{id}", "GET /pets/{n:[0-9]+}", "GET /api/health", func(s *service, health string) http.Handler {
		router := chiRouter(nil)
		mw := s.middleware(middleware.Config{Route: Chi(router), Public: []string{health}})
		return chimiddleware.StripSlashes(mw.Handler(router))
	}},
	{"chi, inside it", "GET /api/reports/{id}", "GET /pets/{n:[0-9]+}", "GET /api/health", func(s *service, health string) http.Handler {
		router := chi.NewRouter()
		mw := s.middleware(middleware.Config{Route: Chi(router), Public: []string{health}})
		router.Use(mw.Handler)
		router.Mount("/", chiRouter(nil))
		return router
	}},
	{"chi, in groups and sub-routers", "GET /api/reports/{id}", "GET /pets/{n:[0-9]+}", "GET /api/health", func(s *service, health string) http.Handler {
		var mw *middleware.Middleware
		router := chiRouter(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mw.Handler(next).ServeHTTP(w, r) })
		})
		mw = s.middleware(middleware.Config{Route: Chi(router), Public: []string{health}})
		return router
	}},
	{"gin", "GET /api/reports/:id", "GET /pets/:n", "GET /api/health", func(s *service, health string) http.Handler {
		mw := s.middleware(middleware.Config{Route: FromContext, Public: []string{health}})
		return ginEngine(func(e *gin.Engine) { e.Use(Gin(mw)) }, nil)
	}},
	{"gin, in groups", "GET /api/reports/:id", "GET /pets/:n", "GET /api/health", func(s *service, health string) http.Handler {
		mw := s.middleware(middleware.Config{Route: FromContext, Public: []string{health}})
		return ginEngine(func(*gin.Engine) {}, Gin(mw))
	}},
	{"echo", "GET /api/reports/:id", "GET /pets/:n", "GET /api/health", func(s *service, health string) http.Handler {
		mw := s.middleware(middleware.Config{Route: FromContext, Public: []string{health}})
		e := echoRouter()
		e.Use(Echo(mw))
		return e
	}},
	{"echo, in groups", "GET /api/reports/:id", "GET /pets/:n", "GET /api/health", func(s *service, health string) http.Handler {
		mw := s.middleware(middleware.Config{Route: FromContext, Public: []string{health}})
		return echoRouter(Echo(mw))
	}},
	{"echo 5", "GET /api/reports/:id", "GET /pets/:n", "GET /api/health", func(s *service, health string) http.Handler {
		mw := s.middleware(middleware.Config{Route: FromContext, Public: []string{health}})
		e := echo5Router()
		e.Use(Echo5(mw))
		return e
	}},
	{"echo 5, in groups", "GET /api/reports/:id", "GET /pets/:n", "GET /api/health", func(s *service, health string) http.Handler {
		mw := s.middleware(middleware.Config{Route: FromContext, Public: []string{health}})
		return echo5Router(Echo5(mw))
	}},
}

// chiRouter returns a router with a group and a sub-router. Each of the two has the
// middleware mw, unless mw is nil.
func chiRouter(mw func(http.Handler) http.Handler) chi.Router {
	router := chi.NewRouter()
	router.Use(chimiddleware.GetHead)
	use := func(r chi.Router) {
		if mw != nil {
			r.Use(mw)
		}
	}
	router.Group(func(r chi.Router) {
		use(r)
		r.Get("/pets/{n:[0-9]+}", ok)
	})
	router.Route("/api", func(r chi.Router) {
		use(r)
		r.Get("/health", ok)
		r.Get("/", ok)
		r.Route("/reports", func(r chi.Router) { r.Get("/{id}", ok) })
	})
	return router
}

func ginEngine(use func(*gin.Engine), group gin.HandlerFunc) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e, done := gin.New(), func(*gin.Context) {}
	use(e)
	api, pets := e.Group("/api"), e.Group("/pets")
	if group != nil {
		api.Use(group)
		pets.Use(group)
	}
	api.GET("/health", done)
	reports := api.Group("/reports")
	reports.GET("/:id", done)
	reports.HEAD("/:id", done)
	pets.GET("/:n", done)
	return e
}

func echoRouter(groups ...echo.MiddlewareFunc) *echo.Echo {
	e, done := echo.New(), func(c echo.Context) error { return c.NoContent(http.StatusOK) }
	api, pets := e.Group("/api", groups...), e.Group("/pets", groups...)
	api.GET("/health", done)
	reports := api.Group("/reports")
	reports.GET("/:id", done)
	reports.HEAD("/:id", done)
	pets.GET("/:n", done)
	return e
}

func echo5Router(groups ...echo5.MiddlewareFunc) *echo5.Echo {
	e, done := echo5.New(), func(c *echo5.Context) error { return c.NoContent(http.StatusOK) }
	api, pets := e.Group("/api", groups...), e.Group("/pets", groups...)
	api.GET("/health", done)
	reports := api.Group("/reports")
	reports.GET("/:id", done)
	reports.HEAD("/:id", done)
	pets.GET("/:n", done)
	return e
}

// TestRouters sends the same requests through each set-up. Each route admits one.
func TestRouters(t *testing.T) {
	for _, c := range setUps {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t, c.reports, c.pets)
			h := c.make(s, c.health)
			for _, step := range []struct {
				line   string
				status int
			}{
				{"GET /nowhere", 404},
				{"-GET /api/health", 200},
				{"-GET /api/reports/1", 401},
				{"-GET /pets/1", 401},
				{"GET /api/reports/1", 200},
				{"GET /api/reports/2", 429},
				{"GET /pets/1", 200},
				{"GET /pets/2", 429},
			} {
				assert.Equal(t, step.status, s.status(h, step.line), step.line)
			}
			assert.NotContains(t, s.log.String(), "requests for it have another pattern")
			if c.name != "StripPrefix" { // each of its middlewares knows some routes only
				assert.Empty(t, s.log.String())
			}
		})
	}
}

// TestHead checks that a HEAD counts for the GET that serves it.
func TestHead(t *testing.T) {
	router := chiRouter(nil)
	s := newService(t, "GET /api/reports/{id}", "GET /api")
	h := s.middleware(middleware.Config{Route: Chi(router)}).Handler(router)
	require.Equal(t, 200, s.status(h, "HEAD /api/reports/1"))
	require.Equal(t, 429, s.status(h, "GET /api/reports/1"))
	require.Equal(t, 429, s.status(h, "HEAD /api/reports/1"))
	require.Equal(t, 200, s.status(h, "GET /api/"))
	require.Equal(t, 429, s.status(h, "GET /api"), "chi's two ways to write a sub-router's root")
}

// TestWithout shows why the code of docs/routers.md is needed: without it a throttle has
// no effect, and the Logger gets a warning.
func TestWithout(t *testing.T) {
	for name, c := range map[string]struct {
		route  func(*http.Request) string
		setUp  func(*middleware.Middleware) http.Handler
		warned string
	}{
		"nothing": {nil, func(mw *middleware.Middleware) http.Handler { return mw.Handler(chiRouter(nil)) }, `seen=(none)`},
		"a group": {nil, func(mw *middleware.Middleware) http.Handler { return chiRouter(mw.Handler) }, `seen=/api/*`},
		"RoutePattern too early": {func(r *http.Request) string { return chi.RouteContext(r.Context()).RoutePattern() },
			func(mw *middleware.Middleware) http.Handler { return chiRouter(mw.Handler) }, `seen=/api/*`},
	} {
		s := newService(t, "GET /api/reports/{id}")
		h := c.setUp(s.middleware(middleware.Config{Route: c.route}))
		require.Equal(t, 200, s.status(h, "GET /api/reports/1"), name)
		require.Equal(t, 200, s.status(h, "GET /api/reports/2"), name)
		require.Equal(t, 1, strings.Count(s.log.String(), "has no effect"), name)
		require.Contains(t, s.log.String(), c.warned, name)
	}
}

// TestTwice checks that a request is charged once if a router and its group have the same
// middleware.
func TestTwice(t *testing.T) {
	for name, makes := range map[string]func(mw *middleware.Middleware) http.Handler{
		"chi": func(mw *middleware.Middleware) http.Handler { return mw.Handler(chiRouter(mw.Handler)) },
		"gin": func(mw *middleware.Middleware) http.Handler {
			return ginEngine(func(e *gin.Engine) { e.Use(Gin(mw)) }, Gin(mw))
		},
		"echo": func(mw *middleware.Middleware) http.Handler {
			e := echoRouter(Echo(mw))
			e.Use(Echo(mw))
			return e
		},
		"echo 5": func(mw *middleware.Middleware) http.Handler {
			e := echo5Router(Echo5(mw))
			e.Use(Echo5(mw))
			return e
		},
	} {
		s := newService(t)
		h := makes(s.middleware(middleware.Config{Route: FromContext}))
		require.Equal(t, 200, s.status(h, "GET /api/reports/1"), name)
		require.Equal(t, int64(1), s.used(), name)
		require.Contains(t, s.log.String(), "twice", name)
	}
}

// TestRefund checks that a refund goes by the status that the router makes of an error.
// An answer with another status stays charged.
func TestRefund(t *testing.T) {
	failed := errors.New("so it goes")
	refund := func(status int) bool { return status >= 500 }
	for name, setUp := range map[string]func(s *service) http.Handler{
		"echo": func(s *service) http.Handler {
			e := echo.New()
			e.Use(Echo(s.middleware(middleware.Config{Route: FromContext, Refund: refund})))
			e.GET("/", func(echo.Context) error { return failed })
			e.GET("/ok", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
			return e
		},
		"echo 5": func(s *service) http.Handler {
			e := echo5.New()
			e.Logger = slog.New(slog.DiscardHandler)
			e.Use(Echo5(s.middleware(middleware.Config{Route: FromContext, Refund: refund})))
			e.GET("/", func(*echo5.Context) error { return failed })
			e.GET("/ok", func(c *echo5.Context) error { return c.NoContent(http.StatusOK) })
			return e
		},
		"gin": func(s *service) http.Handler {
			e := gin.New()
			e.Use(Gin(s.middleware(middleware.Config{Route: FromContext})), GinRefund(s.gate, refund))
			e.Use(gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, _ any) { c.AbortWithStatus(500) }))
			e.GET("/", func(*gin.Context) { panic(failed) })
			e.GET("/ok", func(*gin.Context) {})
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			h := setUp(s)
			require.Equal(t, 500, s.status(h, "GET /"))
			require.Zero(t, s.used())
			require.Equal(t, 200, s.status(h, "GET /ok"))
			require.EqualValues(t, 1, s.used())
			require.Equal(t, 401, s.status(h, "-GET /"))
		})
	}
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
