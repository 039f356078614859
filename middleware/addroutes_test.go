package middleware_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

const noRouter = "no router has it"

// A verdict is what CheckRoute returns.
type verdict struct {
	fault string
	seen  bool
}

// TestCheckRoute asks what is known of routes, before and after requests.
func TestCheckRoute(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /api/reports/{id}", ok)
	mux.Handle("GET example.com/hosted", ok)
	stage := usageplan.Stage{API: "pets", Name: "prod"}
	for _, c := range []struct {
		what     string
		cfg      middleware.Config
		handler  http.Handler // of Handler
		unlogged bool
		add      []string    // of AddRoutes
		asked    [][3]string // a request, the header field Route, and its route by ServeRoute
		stage    usageplan.Stage
		want     map[string]verdict
	}{
		{what: "nothing is known", handler: ok, want: map[string]verdict{"GET /a": {"", false}}},
		{what: "nothing is known, and nothing is watched", handler: ok, unlogged: true, want: map[string]verdict{"GET /a": {"", true}}},
		{what: "a mux", handler: mux, want: map[string]verdict{
			"GET /api/reports/{id}": {"", true}, "GET /reports/{id}": {noRouter, false}, "GET /hosted": {noRouter, false}}},
		{what: "a mux with a host", handler: mux, add: []string{"GET example.com/hosted"}, want: map[string]verdict{"GET /hosted": {"", true}}},
		{what: "a mux and another router", handler: mux, add: []string{"GET /pets/:id"}, want: map[string]verdict{
			"GET /api/reports/{id}": {"", true}, "GET /pets/{id}": {"", true}, "GET /pets/{n}": {noRouter, false}}},
		{what: "routes in all forms", handler: ok, add: []string{"GET /a/:id", "/b/*", "GET example.com/c", "GET /d/{n:[0-9]+}"}, want: map[string]verdict{
			"GET /a/{id}": {"", true}, "/b/{path...}": {"", true}, "GET /c": {"", true}, "GET /d/{n}": {"", true},
			"GET /b/{path...}": {noRouter, false}, "/a/{id}": {noRouter, false}, "GET /api/a/{id}": {noRouter, false}}},
		{what: "routes without a Logger", handler: ok, unlogged: true, add: []string{"GET /a"}, want: map[string]verdict{
			"GET /a": {"", true}, "GET /b": {noRouter, false}}},
		{what: "no routes", handler: ok, add: []string{}, want: map[string]verdict{"GET /a": {noRouter, false}}},
		{what: "what requests show", cfg: middleware.Config{Route: byHeader}, handler: ok,
			asked: [][3]string{{"GET /pets/7", "GET /pets/:id"}, {"GET /api/x/1", "/api/*"}, {"GET /years/7", "GET /years/{n:[0-9]+}"}},
			want: map[string]verdict{
				"GET /pets/{id}": {"", true}, "GET /api/x/{id}": {`the router takes requests for it for "/api/{path...}"`, false},
				"GET /never": {"", false}, "GET /years/{n}": {"", true}}},
		{what: "what requests show through ServeRoute", handler: ok,
			asked: [][3]string{{"GET /pets/7", "", "GET /pets/:id"}, {"GET /api/x/1", "", "/api/*"}},
			want: map[string]verdict{
				"GET /pets/{id}": {"", true}, "GET /api/x/{id}": {`the router takes requests for it for "/api/{path...}"`, false}, "GET /never": {"", false}}},
		{what: "of a stage", cfg: middleware.Config{API: "pets", Stage: "prod"}, handler: mux, stage: stage,
			want: map[string]verdict{"GET /api/reports/{id}": {"", true}, "GET /reports/{id}": {noRouter, false}}},
		{what: "of every stage, at one of them", cfg: middleware.Config{API: "pets", Stage: "prod"}, handler: mux,
			want: map[string]verdict{"GET /reports/{id}": {"", true}}},
		{what: "of another stage", handler: mux, stage: stage, want: map[string]verdict{"GET /reports/{id}": {"", true}}},
	} {
		t.Run(c.what, func(t *testing.T) {
			h := newFixture(t)
			limits := map[string]limiter.Limit{}
			for route := range c.want {
				limits[route] = limiter.MustParse("1/s")
			}
			plan := usageplan.Plan{Routes: limits}
			if c.stage != (usageplan.Stage{}) {
				plan = usageplan.Plan{StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{c.stage: limits}}
			}
			_, secret := h.key(&plan)
			if !c.unlogged {
				c.cfg.Logger = slog.New(slog.DiscardHandler)
			}
			mw := h.middleware(c.cfg)
			handler := mw.Handler(c.handler)
			if c.add != nil {
				mw.AddRoutes(c.add...)
			}
			for _, asked := range c.asked {
				method, target, _ := strings.Cut(asked[0], " ")
				r := request(method, target, "X-API-Key", secret, "Route", asked[1])
				if asked[2] != "" {
					handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mw.ServeRoute(w, r, asked[2], ok) })
				}
				require.Equal(t, 200, status(handler, r))
			}
			for route, want := range c.want {
				fault, seen := mw.CheckRoute(c.stage, route)
				require.Equal(t, want, verdict{fault, seen}, route)
			}
		})
	}
}

// TestAddRoutes warns of names that no router has, of plans and of Public, once each.
func TestAddRoutes(t *testing.T) {
	var log bytes.Buffer
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{ID: "free", Routes: map[string]limiter.Limit{"GET /pets/{id}": {Rate: 1, Burst: 9}, "GET /wrong": {Rate: 1, Burst: 9}}})
	mw := h.middleware(middleware.Config{Public: []string{"GET /health", "GET /typo"}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	mw.AddRoutes("GET /pets/:id", "GET /other")
	mw.AddRoutes("GET /health")
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mw.ServeRoute(w, r, "GET /pets/:id", ok) })
	for range 3 {
		require.Equal(t, 200, status(handler, request("GET", "/pets/7", "X-API-Key", secret)))
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 2, log.String())
	require.Contains(t, lines[0], `a pattern of Config.Public is in no router`)
	require.Contains(t, lines[0], `pattern="GET /typo"`)
	require.Contains(t, lines[1], `a route that a plan limits is in no router`)
	require.Contains(t, lines[1], `plan=free route="GET /wrong"`)
}

// TestAddRoutesWithoutAdapter passes requests through Handler and a router that is no
// ServeMux. The Middleware does not learn their routes, so AddRoutes does not make the
// limits of routes work, and the Logger is warned.
func TestAddRoutesWithoutAdapter(t *testing.T) {
	h := newFixture(t)
	var log bytes.Buffer
	mw := h.middleware(middleware.Config{
		Insecure: middleware.Insecure{Allow: true}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	mw.AddRoutes("GET /reports/{id}")
	_, secret := h.key(&usageplan.Plan{Routes: map[string]limiter.Limit{"GET /reports/{id}": limiter.PerMinute(1)}})
	handler := mw.Handler(ok)
	for range 3 {
		r := with(secret)
		r.URL.Path = "/reports/7"
		require.Equal(t, 200, status(handler, r))
	}
	require.Equal(t, 1, strings.Count(log.String(), `route="GET /reports/{id}"`), log.String())
}
