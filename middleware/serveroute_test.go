package middleware_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestServeRoute throttles by the route that ServeRoute is given, in any syntax. Only
// Config.Route is asked before.
func TestServeRoute(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /pets/{id}", ok)
	for _, c := range []struct {
		what, given, said string
		mux               *http.ServeMux
		throttled         bool
	}{
		{"its name", "GET /pets/{id}", "", nil, true},
		{"another syntax", "GET /pets/:id", "", nil, true},
		{"another route", "GET /pets/{n}", "", nil, false},
		{"no route", "", "", nil, false},
		{"not the mux", "", "", mux, false},
		{"Config.Route first", "GET /other", "GET /pets/:id", nil, true},
		{"then the one that is given", "GET /pets/:id", "", mux, true},
	} {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{Routes: map[string]limiter.Limit{"GET /pets/{id}": {}}})
		mw := h.middleware(middleware.Config{Route: byHeader, Mux: c.mux, Public: []string{"GET /open/{id}"}})
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mw.ServeRoute(w, r, c.given, ok) })
		r := request("GET", "/pets/7", "X-API-Key", secret, "Route", c.said)
		r.Pattern = "GET /pets/{id}" // of an outer mux, which counts no longer
		require.Equal(t, c.throttled, status(handler, r) != 200, c.what)
		require.Equal(t, 401, status(handler, request("GET", "/pets/7")), c.what)
	}
}

// TestServeRoutePublic admits requests without a key on public routes only.
func TestServeRoutePublic(t *testing.T) {
	mw := newFixture(t).middleware(middleware.Config{Public: []string{"GET /open/{id}", "GET /files/*", "OPTIONS /all"}})
	preflight := []string{"Origin", "https://example.com", "Access-Control-Request-Method", "GET"}
	for route, want := range map[string]int{
		"GET /open/{id}": 200, "GET /open/:id": 200, "GET /open/:n": 401, "POST /open/:id": 401, "": 401, "GET /files/{path...}": 200, "GET /files/*": 200,
		"OPTIONS /all":  200,
		"OPTIONS /open": 401, // the route may be one for every method
	} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mw.ServeRoute(w, r, route, ok) })
		method := http.MethodGet
		if len(route) > 7 && route[:7] == "OPTIONS" {
			method = http.MethodOptions
		}
		require.Equal(t, want, status(handler, request(method, "/open/7", preflight...)), route)
	}
}
