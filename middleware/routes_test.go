package middleware_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// petShop returns a mux with patterns of every form.
func petShop(h http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	for _, p := range []string{"GET /pets/{id}", "/dogs/GET", "POST example.com/pets", "example.com/any/", "DELETE \t /pets/{id}", "GET /{$}"} {
		mux.Handle(p, h)
	}
	return mux
}

// TestRoutes checks that the throttle of a route is found, however the middleware and the
// mux are stacked.
func TestRoutes(t *testing.T) {
	blocked := limiter.Limit{}
	for _, c := range []struct {
		route, method, target string
		meets                 bool
	}{
		{"GET /pets/{id}", "GET", "/pets/7", true},
		{"GET /pets/{id}", "HEAD", "/pets/7", true},
		{"GET /pets/{id}", "GET", "/pets/../pets/7", false}, // the redirect is free
		{"GET /pets/{id}", "GET", "/dogs/GET", false},
		{"GET /dogs", "GET", "/dogs/GET", false}, // AWS would read another name
		{"POST /pets", "POST", "/pets", true},
		{"/any/", "PUT", "/any/thing", true},
		{"DELETE /pets/{id}", "DELETE", "/pets/7", true},
		{"GET /{$}", "GET", "/", true},
		{"GET /{$}", "GET", "/elsewhere", false},
		{"*", "GET", "/elsewhere", true},
	} {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{Routes: map[string]limiter.Limit{c.route: blocked}})
		mux, inside := petShop(ok), petShop(h.middleware(middleware.Config{}).Handler(ok))
		for how, handler := range map[string]http.Handler{
			"outside, the mux itself": h.middleware(middleware.Config{}).Handler(mux),
			"outside, mux given":      h.middleware(middleware.Config{Mux: mux}).Handler(http.HandlerFunc(mux.ServeHTTP)),
			"inside":                  inside,
		} {
			if how == "outside, mux given" && strings.Contains(c.target, "..") {
				continue // such a redirect is charged: TestRedirectBehindACleaner
			}
			if how == "inside" && (c.route == "*" || strings.Contains(c.target, "..")) {
				continue // the mux answers here
			}
			r := request(c.method, "http://example.com"+c.target, "X-API-Key", secret)
			assert.Equal(t, c.meets, status(handler, r) == 403, "%s: %s %s: %s", c.route, c.method, c.target, how)
		}
	}
}

// TestRouteBucket checks that the bucket of a route is apart from that of the plan.
func TestRouteBucket(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Throttle: throttle(0.001, 1), Routes: map[string]limiter.Limit{"GET /pets/{id}": *throttle(0.001, 2)}})
	protected := h.middleware(middleware.Config{}).Handler(petShop(ok))
	for _, step := range []struct {
		target string
		status int
	}{{"/pets/1", 200}, {"/", 200}, {"/", 429}, {"/pets/2", 200}, {"/pets/3", 429}} {
		require.Equal(t, step.status, status(protected, request("GET", step.target, "X-API-Key", secret)), step.target)
	}
}

// TestPublic checks that the middleware passes on what the mux routes to a public
// pattern, and nothing that only looks like it.
func TestPublic(t *testing.T) {
	h := newFixture(t)
	mux := http.NewServeMux()
	reached := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) })
	for _, p := range []string{"GET /health", "/docs/", "/docs/private/", "/admin/", "POST /login", "GET /login"} {
		mux.Handle(p, reached)
	}
	public := []string{"GET /health", "/docs/", "POST /login"}
	outside := h.middleware(middleware.Config{Public: public}).Handler(mux)
	given := h.middleware(middleware.Config{Public: public, Mux: mux}).Handler(http.HandlerFunc(mux.ServeHTTP))
	unknown := h.middleware(middleware.Config{Public: public}).Handler(http.HandlerFunc(mux.ServeHTTP))
	for _, c := range []struct {
		method, target string
		status         int
	}{
		{"GET", "/health", 202},
		{"HEAD", "/health", 202},
		{"POST", "/health", 401},
		{"GET", "/health/", 401},
		{"GET", "/docs/", 202},
		{"GET", "/docs/a/b", 202},
		{"GET", "/docs", 307},
		{"GET", "/docs/private/x", 401},
		{"GET", "/docs/%2e%2e/admin/", 202}, // the mux serves it as a document, too
		{"GET", "/docs/../admin/", 401},
		{"GET", "/admin/../docs/", 307}, // only a redirect
		{"GET", "//docs/", 307},
		{"POST", "/login", 202},
		{"GET", "/login", 401},
		{"GET", "/", 401},
	} {
		ask := func(h http.Handler) int {
			r := request(c.method, "/")
			r.URL.Path = c.target
			if c.target == "/docs/%2e%2e/admin/" {
				r.URL.Path, r.URL.RawPath = "/docs/../admin/", c.target
			}
			return status(h, r)
		}
		assert.Equal(t, c.status, ask(outside), "%s %s", c.method, c.target)
		assert.Equal(t, c.status, ask(given), "%s %s", c.method, c.target)
		assert.Equal(t, 401, ask(unknown), "%s %s: no mux is known", c.method, c.target)
	}
}

// TestBadCredential checks that the log at the debug level names the fault of a bad
// credential, but not the credential.
func TestBadCredential(t *testing.T) {
	var log bytes.Buffer
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	cfg := middleware.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	w := serve(h.middleware(cfg).Handler(ok), request("GET", "/", "X-API-Key", secret, "Authorization", "Bearer token"))
	require.Equal(t, 400, w.Code)
	require.NotContains(t, w.Body.String(), secret[len("acme_"):])
	require.Contains(t, log.String(), "more than one")
	require.NotContains(t, log.String(), secret[len("acme_"):])
}

// TestPreflight checks that a preflight is passed on without a key, but never to a
// handler that serves other requests.
func TestPreflight(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	mux := http.NewServeMux()
	reached := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) })
	for _, p := range []string{"GET /pets", "POST /pets", "/all", "OPTIONS /shop/", "OPTIONS\t/tab/", "GET /shop/x"} {
		mux.Handle(p, reached)
	}
	outside := h.middleware(middleware.Config{}).Handler(mux)
	preflight := []string{"Origin", "https://example.com", "Access-Control-Request-Method", "GET"}
	for _, c := range []struct {
		method, target string
		header         []string
		status         int
	}{
		{"OPTIONS", "/pets", preflight, 405}, // by the mux
		{"OPTIONS", "/nothing", preflight, 404},
		{"OPTIONS", "/shop/x", preflight, 202},
		{"OPTIONS", "/tab/x", preflight, 202},
		{"OPTIONS", "/all", preflight, 401},
		{"OPTIONS", "/pets", preflight[:2], 401},
		{"OPTIONS", "/pets", preflight[2:], 401},
		{"OPTIONS", "/shop/x", nil, 401},
		{"GET", "/pets", preflight, 401},
	} {
		assert.Equal(t, c.status, status(outside, request(c.method, c.target, c.header...)), "%s %s %q", c.method, c.target, c.header)
	}
	require.Equal(t, 401, status(h.middleware(middleware.Config{}).Handler(reached), request("OPTIONS", "/", preflight...)), "no mux is known")
	require.Equal(t, 202, status(outside, request("OPTIONS", "/all", "X-API-Key", secret)), "OPTIONS costs as GET does")
	require.Equal(t, 429, status(outside, request("HEAD", "/pets", "X-API-Key", secret)))
}
