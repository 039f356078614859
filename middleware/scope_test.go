package middleware_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// restricted returns a key with a quota of 10 a day that has scopes and networks.
func (h *fixture) restricted(scopes []string, networks ...string) (apikey.Key, string) {
	k, secret := h.key(&usageplan.Plan{Quotas: perDay(10)})
	k, err := h.keys.Update(h.t.Context(), k.ID, func(k *apikey.Key) error {
		k.Scopes = scopes
		for _, n := range networks {
			k.Networks = append(k.Networks, netip.MustParsePrefix(n))
		}
		return nil
	})
	require.NoError(h.t, err)
	return k, secret
}

// byMethod is a Config.Scope by which reading and writing need a scope each.
func byMethod(r *http.Request) string {
	if r.Method == http.MethodGet {
		return "orders:read"
	}
	return "orders:write"
}

// used returns what a key has used of its quota today.
func (h *fixture) used(k apikey.Key) int64 {
	h.t.Helper()
	d, err := h.gate.Peek(h.t.Context(), gate.Request{KeyID: k.ID, Addr: netip.MustParseAddr("192.0.2.1")})
	require.NoError(h.t, err)
	return d.Level(0).Used
}

// TestScope checks the answer to a request whose key lacks the scope, in each form of
// answers, and that only admitted requests are charged.
func TestScope(t *testing.T) {
	h := newFixture(t)
	reader, reads := h.restricted([]string{"orders:read"})
	all, may := h.restricted([]string{"orders:*"})
	none, mayNot := h.restricted(nil)
	mw := h.middleware(middleware.Config{Scope: byMethod, Realm: "shop"})
	api := mw.Handler(ok)

	for _, step := range []struct {
		method string
		key    apikey.Key
		secret string
		status int
		lacks  string
		used   int64
	}{
		{"GET", reader, reads, 200, "", 1},
		{"POST", reader, reads, 403, "orders:write", 1},
		{"GET", all, may, 200, "", 1},
		{"POST", all, may, 200, "", 2},
		{"GET", none, mayNot, 403, "orders:read", 0},
	} {
		w := serve(api, request(step.method, "/", "X-API-Key", step.secret))
		require.Equal(t, step.status, w.Code)
		require.Equal(t, step.used, h.used(step.key))
		if step.lacks == "" {
			continue
		}
		require.Equal(t, `Bearer realm="shop", error="insufficient_scope", scope="`+step.lacks+`"`, w.Header().Get("WWW-Authenticate"))
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.Empty(t, w.Header().Get("Retry-After"))
		require.Empty(t, w.Header().Get("RateLimit"))
		require.JSONEq(t, `{"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "This API key does not have the scope `+step.lacks+`."}`, w.Body.String())
	}

	t.Run("as in AWS", func(t *testing.T) {
		aws := h.middleware(middleware.Config{Scope: byMethod, Refuse: func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) { res.WriteAWS(w) }})
		w := serve(aws.Handler(ok), with(mayNot))
		require.Equal(t, 403, w.Code)
		require.JSONEq(t, `{"message": "Forbidden"}`, w.Body.String())
		require.Equal(t, "ForbiddenException", w.Header().Get("X-Amzn-ErrorType"))
	})
	t.Run("by ResultOf", func(t *testing.T) {
		d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: reader.ID, Scope: "orders:write"})
		require.NoError(t, err)
		w := serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { mw.ResultOf(d.Outcome).WriteProblem(w) }), with(""))
		require.Equal(t, 403, w.Code)
		require.Equal(t, `Bearer realm="shop", error="insufficient_scope"`, w.Header().Get("WWW-Authenticate"))
		require.Contains(t, w.Body.String(), "This API key does not have the scope that the request needs.")
	})
	t.Run("by Check", func(t *testing.T) {
		res := mw.Check(request("POST", "/", "X-API-Key", reads))
		require.Equal(t, 403, res.Status)
		require.Equal(t, gate.ScopeMissing, res.Decision.Reason)
	})
	t.Run("a scope that no key can have", func(t *testing.T) {
		bad := h.middleware(middleware.Config{Scope: func(*http.Request) string { return "orders:*" }})
		require.Equal(t, 500, status(bad.Handler(ok), with(may)))
	})
}

// TestScopeIsNotFree checks which requests need no scope: those of public routes and
// preflights. A free request does.
func TestScopeIsNotFree(t *testing.T) {
	h := newFixture(t)
	_, secret := h.restricted(nil, "203.0.113.0/24")
	mux := http.NewServeMux()
	mux.Handle("GET /open", ok)
	mux.Handle("GET /{path...}", ok)
	for _, scoped := range []bool{true, false} {
		cfg := middleware.Config{Public: []string{"GET /open"}, Free: free}
		if scoped {
			cfg.Scope = byMethod
		}
		api := h.middleware(cfg).Handler(mux)
		require.Equal(t, 200, status(api, request("GET", "/open", "X-API-Key", secret)))
		require.Equal(t, 403, status(api, request("GET", "/closed", "X-API-Key", secret)))
		preflight := request("OPTIONS", "/closed", "Origin", "https://example.com", "Access-Control-Request-Method", "GET")
		require.NotEqual(t, 403, status(api, preflight))
	}
}

// TestNetworks checks from where a key may be used: by the address of the connection, or
// by the one that a trusted proxy names.
func TestNetworks(t *testing.T) {
	h := newFixture(t)
	k, secret := h.restricted(nil, "192.0.2.0/24", "2001:db8:1::/48", "10.0.0.0/8")
	proxies := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	const forbidden = "This API key may not be used from this address."
	for _, c := range []struct {
		what   string
		cfg    middleware.Config
		remote string
		header []string
		status int
	}{
		{"from a network of the key", middleware.Config{}, "192.0.2.1:80", nil, 200},
		{"from elsewhere", middleware.Config{}, "198.51.100.1:80", nil, 403},
		{"IPv6", middleware.Config{}, "[2001:db8:1::1]:80", nil, 200},
		{"IPv6 elsewhere", middleware.Config{}, "[2001:db8:2::1]:80", nil, 403},
		{"IPv4 within IPv6", middleware.Config{}, "[::ffff:192.0.2.1]:80", nil, 200},
		{"a Unix socket", middleware.Config{}, "@", nil, 403},
		{"a client that names an address of the key", middleware.Config{}, "198.51.100.1:80", []string{"X-Forwarded-For", "192.0.2.1"}, 403},
		{"an untrusted proxy", middleware.Config{Trusted: proxies}, "198.51.100.1:80", []string{"X-Forwarded-For", "192.0.2.1"}, 403},
		{"behind a proxy", middleware.Config{Trusted: proxies}, "10.1.0.1:80", []string{"X-Forwarded-For", "192.0.2.1"}, 200},
		{"behind two proxies", middleware.Config{Trusted: proxies}, "10.1.0.1:80", []string{"X-Forwarded-For", "198.51.100.1, 192.0.2.1, 10.1.0.2"}, 200},
		{"a client that names an address before its own", middleware.Config{Trusted: proxies}, "10.1.0.1:80", []string{"X-Forwarded-For", "192.0.2.1, 198.51.100.1"}, 403},
		{"a malformed field of a client in the network of the proxies", middleware.Config{Trusted: proxies}, "10.1.0.1:80", []string{"X-Forwarded-For", "unknown"}, 403},
		{"the proxy itself", middleware.Config{Trusted: proxies}, "10.1.0.1:80", nil, 200},
		{"a proxy of the other form", middleware.Config{Trusted: proxies, Forwarded: true}, "10.1.0.1:80", []string{"Forwarded", "for=192.0.2.1"}, 200},
		{"a proxy of the other form, elsewhere", middleware.Config{Trusted: proxies, Forwarded: true}, "10.1.0.1:80", []string{"Forwarded", "for=198.51.100.1", "X-Forwarded-For", "192.0.2.1"}, 403},
		{"free of charge", middleware.Config{Free: free}, "198.51.100.1:80", nil, 403},
	} {
		before := h.used(k)
		r := request("GET", "/", append(c.header, "X-API-Key", secret)...)
		r.RemoteAddr = c.remote
		w := serve(h.middleware(c.cfg).Handler(ok), r)
		require.Equal(t, c.status, w.Code, c.what)
		if c.status == 403 {
			require.Equal(t, before, h.used(k), c.what)
			require.Contains(t, w.Body.String(), forbidden)
			require.Empty(t, w.Header().Get("WWW-Authenticate"))
		}

		own, err := h.middleware(c.cfg).Usage(middleware.UsageConfig{})
		require.NoError(t, err)
		require.Equal(t, c.status, status(own, r), "own usage: %s", c.what)
	}
}

// TestTrustedFaults checks that proxies that cannot be meant are refused.
func TestTrustedFaults(t *testing.T) {
	h := newFixture(t)
	_, err := middleware.New(h.gate, middleware.Config{Trusted: []netip.Prefix{{}}})
	require.ErrorIs(t, err, middleware.ErrInvalid)
	require.ErrorContains(t, err, "trusted[0]: invalid Prefix: want a prefix")
	_, err = middleware.New(h.gate, middleware.Config{Forwarded: true})
	require.ErrorContains(t, err, "forwarded: true: want the proxies in trusted, too")
}

// TestScopeWarnings checks that each mistake in the set-up of scopes and networks is
// logged once.
func TestScopeWarnings(t *testing.T) {
	type call struct {
		secret string
		remote string
		header []string
	}
	h := newFixture(t)
	_, without := h.restricted(nil)
	_, scoped := h.restricted([]string{"orders:read"})
	_, bound := h.restricted(nil, "192.0.2.0/24")
	const far, near = "198.51.100.1:80", "10.0.0.1:80"
	xff := []string{"X-Forwarded-For", "192.0.2.1"}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		what  string
		cfg   middleware.Config
		calls []call
		times int
		want  string
	}{
		{"keys without scopes", middleware.Config{Scope: byMethod}, []call{{without, far, nil}}, 30, "that no key of a request has had"},
		{"few refusals", middleware.Config{Scope: byMethod}, []call{{without, far, nil}}, 9, ""},
		{"a key has the scope", middleware.Config{Scope: byMethod}, []call{{scoped, far, nil}, {without, far, nil}}, 30, ""},
		{"no Scope", middleware.Config{}, []call{{scoped, far, nil}}, 3, "neither RouteScopes nor Scope"},
		{"no proxy is named", middleware.Config{}, []call{{bound, near, xff}}, 3, "name the proxy in Config.Trusted"},
		{"the other field", middleware.Config{Trusted: trusted, Forwarded: true}, []call{{bound, near, xff}}, 3, "does not fit the field"},
		{"a client of another network", middleware.Config{}, []call{{bound, far, xff}}, 3, ""},
		{"behind a proxy", middleware.Config{Trusted: trusted}, []call{{bound, near, []string{"X-Forwarded-For", "198.51.100.1"}}}, 3, ""},
	} {
		var log bytes.Buffer
		c.cfg.Logger = slog.New(slog.NewJSONHandler(&log, nil))
		if c.cfg.Scope == nil && c.what != "no Scope" { // the Gate has seen scopes by now
			c.cfg.Scope = func(*http.Request) string { return "" }
		}
		mw := h.middleware(c.cfg).Handler(ok)
		for range c.times {
			for _, call := range c.calls {
				r := request("GET", "/", append(call.header, "X-API-Key", call.secret)...)
				r.RemoteAddr = call.remote
				status(mw, r)
			}
		}
		if c.want == "" {
			require.Empty(t, log.String(), c.what)
			continue
		}
		require.Equal(t, 1, strings.Count(log.String(), "\n"), "%s: %s", c.what, log.String())
		var line struct{ Level, Msg string }
		require.NoError(t, json.Unmarshal(log.Bytes(), &line))
		require.Equal(t, "WARN", line.Level)
		require.Contains(t, line.Msg, c.want, c.what)
	}
}

// TestRouteScopes checks which scope a route needs by its pattern: that of RouteScopes,
// or else that of Scope.
func TestRouteScopes(t *testing.T) {
	h := newFixture(t)
	_, reads := h.restricted([]string{"orders:read"})
	_, admin := h.restricted([]string{"admin"})
	mux := http.NewServeMux()
	for _, p := range []string{"GET /orders/{id}", "POST /orders", "GET /health", "GET /me", "example.com/shop/"} {
		mux.Handle(p, ok)
	}
	scopes := map[string]string{"GET /orders/{id}": "orders:read", "POST /orders": "orders:write", "GET /me": "", "example.com/shop/": "admin"}
	closed := func(*http.Request) string { return "admin" }
	for _, c := range []struct {
		request, secret string
		scope           func(*http.Request) string
		status          int
	}{
		{"GET /orders/7", reads, nil, 200},
		{"HEAD /orders/7", reads, nil, 200},
		{"GET /orders/7", admin, nil, 403},
		{"POST /orders", reads, nil, 403},
		{"GET /health", reads, nil, 200},
		{"GET /health", reads, closed, 403}, // it is not listed
		{"GET /health", admin, closed, 200},
		{"GET /none", reads, nil, 404},
		{"GET /none", reads, closed, 403},
		{"GET /me", reads, closed, 200}, // it is listed, and needs none
		{"GET /shop/x", reads, nil, 403},
		{"GET /shop/x", admin, nil, 200},
	} {
		api := h.middleware(middleware.Config{RouteScopes: scopes, Scope: c.scope}).Handler(mux)
		method, path, _ := strings.Cut(c.request, " ")
		require.Equal(t, c.status, status(api, request(method, path, "X-API-Key", c.secret)), "%s", c.request)
	}

	mw := h.middleware(middleware.Config{RouteScopes: scopes})
	scopes["GET /orders/{id}"] = "other" // a Config is not shared
	require.Equal(t, 200, status(mw.Handler(mux), request("GET", "/orders/7", "X-API-Key", reads)))
}

// TestRouteScopesFaults checks that all mistakes are reported at once, and that a pattern
// without effect is logged.
func TestRouteScopesFaults(t *testing.T) {
	h := newFixture(t)
	_, err := middleware.New(h.gate, middleware.Config{
		Public:      []string{"GET /health"},
		RouteScopes: map[string]string{"GET /health": "a", "orders": "b", "GET /a": "b c", "GET /b": "*"},
	})
	require.ErrorIs(t, err, middleware.ErrInvalid)
	for _, want := range []string{`routeScopes: "GET /health": want a route that is not in public`, `routeScopes: "orders": `, `routeScopes["GET /a"].scope: "b c": want 1 to 128`, `routeScopes["GET /b"].scope: "*"`} {
		require.ErrorContains(t, err, want)
	}

	var log bytes.Buffer
	mw := h.middleware(middleware.Config{
		RouteScopes: map[string]string{"GET /order/{id}": "orders:read"}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}).Handler(muxOf("GET /orders/{id}"))
	for range 3 {
		status(mw, request("GET", "/orders/7"))
	}
	require.Equal(t, 1, strings.Count(log.String(), "a pattern of Config.RouteScopes is in no router"), log.String())
}

// TestScopeInside passes requests through two Middlewares of one Gate, the inner of which
// needs a scope. The request is charged by the outer one, and the scope counts.
func TestScopeInside(t *testing.T) {
	h := newFixture(t)
	reader, reads := h.restricted([]string{"orders:read"})
	_, all := h.restricted([]string{"*"})
	for name, strip := range map[string]bool{"with the credential": false, "without the credential": true} {
		outer := h.middleware(middleware.Config{StripCredential: strip})
		inner := h.middleware(middleware.Config{RouteScopes: map[string]string{"GET /admin": "admin"}, Scope: byMethod})
		if strip { // another inner one would find no credential
			outer = h.middleware(middleware.Config{StripCredential: true, RouteScopes: map[string]string{"GET /admin": "admin"}, Scope: func(*http.Request) string { return "" }})
			inner = outer
		}
		mux := http.NewServeMux()
		mux.Handle("GET /admin", inner.Handler(ok))
		mux.Handle("GET /orders", inner.Handler(ok))
		api := outer.Handler(behind(mux)) // it does not know the routes
		before := h.used(reader)
		require.Equal(t, 200, status(api, request("GET", "/orders", "X-API-Key", reads)), name)
		w := serve(api, request("GET", "/admin", "X-API-Key", reads))
		require.Equal(t, 403, w.Code, name)
		require.Equal(t, `Bearer realm="api", error="insufficient_scope", scope="admin"`, w.Header().Get("WWW-Authenticate"))
		require.Equal(t, before+2, h.used(reader))
		require.Equal(t, 200, status(api, request("GET", "/admin", "X-API-Key", all)), name)
	}
}

// TestScopeOfNoRouter checks that a Middleware that cannot know the routes refuses all
// requests, and logs why, if only the route would tell the scope.
func TestScopeOfNoRouter(t *testing.T) {
	h := newFixture(t)
	_, secret := h.restricted([]string{"*"})
	mux := muxOf("GET /orders", "GET /else")
	scopes := map[string]string{"GET /orders": "orders:read"}
	for _, c := range []struct {
		what    string
		cfg     middleware.Config
		next    http.Handler
		orders  int
		missing int // of a path that no route has
	}{
		{"the mux itself", middleware.Config{RouteScopes: scopes}, mux, 200, 404},
		{"behind another handler", middleware.Config{RouteScopes: scopes}, behind(mux), 500, 500},
		{"with the Mux", middleware.Config{RouteScopes: scopes, Mux: mux}, behind(mux), 200, 404},
		{"with a Route", middleware.Config{RouteScopes: scopes, Route: func(r *http.Request) string { _, p := mux.Handler(r); return p }}, behind(mux), 200, 404},
		{"with a Scope", middleware.Config{RouteScopes: scopes, Scope: byMethod}, behind(mux), 200, 404},
		{"without RouteScopes", middleware.Config{}, behind(mux), 200, 404},
	} {
		var log bytes.Buffer
		c.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		api := h.middleware(c.cfg).Handler(c.next)
		require.Equal(t, c.orders, status(api, request("GET", "/orders", "X-API-Key", secret)), c.what)
		require.Equal(t, c.missing, status(api, request("GET", "/none", "X-API-Key", secret)), c.what)
		require.Equal(t, c.orders == 500, strings.Contains(log.String(), "the route is not known"), "%s: %s", c.what, log.String())
	}
	_, secret = h.restricted([]string{"*"}) // the quota of the other is used up
	inside := http.NewServeMux()
	inside.Handle("GET /orders", h.middleware(middleware.Config{RouteScopes: scopes}).Handler(ok))
	require.Equal(t, 200, status(inside, request("GET", "/orders", "X-API-Key", secret)))
}
