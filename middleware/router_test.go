package middleware_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// byHeader is the Config.Route of a router that writes its pattern into a header field.
func byHeader(r *http.Request) string { return r.Header.Get("Route") }

// TestRouteFunc checks that Config.Route is asked first, then Mux, then Request.Pattern.
func TestRouteFunc(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /pets/{id}", ok)
	for _, c := range []struct {
		what, says, plan string
		mux              *http.ServeMux
		pattern          string
		void             bool
	}{
		{"its word", "GET /pets/{id}", "GET /pets/{id}", nil, "", false},
		{"its word in another syntax", "GET /pets/:id", "GET /pets/{id}", nil, "", false},
		{"the rest of a path", "GET /pets/*", "GET /pets/{path...}", nil, "", false},
		{"its word without a host", "GET example.com/pets/{id}", "GET /pets/{id}", nil, "", false},
		{"its word without blanks", "GET \t/pets/{id}", "GET /pets/{id}", nil, "", false},
		{"a regular expression", "GET /pets/{n:[0-9]+}", "GET /pets/{n}", nil, "", false},
		{"before the mux", "GET /other", "GET /pets/{id}", mux, "", true},
		{"before the pattern", "GET /other", "GET /pets/{id}", nil, "GET /pets/{id}", true},
		{"then the mux", "", "GET /pets/{id}", mux, "GET /other", false},
		{"then the pattern", "", "GET /pets/{id}", nil, "GET /pets/{id}", false},
	} {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{Routes: map[string]limiter.Limit{c.plan: {}}})
		protected := h.middleware(middleware.Config{Route: byHeader, Mux: c.mux}).Handler(http.HandlerFunc(ok))
		r := request("GET", "/pets/7", "X-API-Key", secret, "Route", c.says)
		r.Pattern = c.pattern
		assert.Equal(t, c.void, status(protected, r) == 200, c.what)
	}
}

// TestRouteFuncPublic checks how Public is compared with what Config.Route returns: by
// name, in any syntax, and byte by byte if there is a regular expression.
func TestRouteFuncPublic(t *testing.T) {
	h := newFixture(t)
	protected := h.middleware(middleware.Config{Route: byHeader, Public: []string{"GET /pets/{n:[0-9]+}", "GET /a/{id}", "GET /b/:id", "OPTIONS /all"}}).Handler(ok)
	preflight := []string{"Origin", "https://example.com", "Access-Control-Request-Method", "GET"}
	for _, c := range []struct {
		method, says string
		header       []string
		status       int
	}{
		{"GET", "GET /pets/{n:[0-9]+}", nil, 200},
		{"GET", "GET /pets/{n:[0-9]*}", nil, 401}, // another route of the same name
		{"GET", "GET /pets/{n}", nil, 401},
		{"GET", "GET /a/{id}", nil, 200},
		{"GET", "GET /a/:id", nil, 200},
		{"GET", "GET /b/{id}", nil, 200},
		{"GET", "GET /b/:id", nil, 200},
		{"GET", "GET /b/:other", nil, 401},
		{"GET", "", nil, 401},
		{"OPTIONS", "OPTIONS /all", preflight, 200},
		{"OPTIONS", "OPTIONS /pets", preflight, 401}, // the pattern may serve every method
		{"OPTIONS", "", preflight, 401},
	} {
		r := request(c.method, "/", append(c.header, "Route", c.says)...)
		assert.Equal(t, c.status, status(protected, r), "%s %q", c.method, c.says)
	}
	_, err := middleware.New(h.gate, middleware.Config{Route: byHeader, Public: []string{"GET /ok/:id", "typo", ""}})
	require.ErrorIs(t, err, middleware.ErrInvalid)
	require.ErrorContains(t, err, `public: "typo"`)
	require.ErrorContains(t, err, `public: ""`)
	require.NotContains(t, err.Error(), "/ok")
}

// TestTwice checks that a request is charged once, however often it passes through the
// middleware of the same Gate.
func TestTwice(t *testing.T) {
	var log bytes.Buffer
	h, other := newFixture(t), newFixture(t)
	var secret string // the key of the case
	_, others := other.key(&usageplan.Plan{Quotas: perDay(9)})
	logger := slog.New(slog.NewTextHandler(&log, nil))
	mw := h.middleware(middleware.Config{Logger: logger})
	again := h.middleware(middleware.Config{Logger: logger, StripCredential: true})
	stage := h.middleware(middleware.Config{API: "orders", Stage: "prod"})
	second := other.middleware(middleware.Config{Credential: middleware.Header("X-Other")})
	batch := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 2 {
			part, err := http.NewRequestWithContext(r.Context(), "GET", "/pets/1", nil)
			require.NoError(t, err)
			part.Header.Set("X-API-Key", secret)
			require.Equal(t, 200, status(mw.Handler(ok), part))
		}
	})
	rewrite := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.Path = "/animals/1"
			next.ServeHTTP(w, r)
		})
	}
	for _, c := range []struct {
		what    string
		handler http.Handler
		charged int64
		warns   int
	}{
		{"once", mw.Handler(ok), 1, 0},
		{"the same middleware", mw.Handler(http.StripPrefix("/pets", mw.Handler(ok))), 1, 1},
		{"rewritten outside", rewrite(mw.Handler(http.StripPrefix("/animals", mw.Handler(ok)))), 1, 0},
		{"again", mw.Handler(mw.Handler(mw.Handler(ok))), 1, 0},
		{"another over the same Gate", mw.Handler(again.Handler(ok)), 1, 1},
		{"another Gate between", mw.Handler(second.Handler(mw.Handler(ok))), 1, 0},
		{"another Gate outside", second.Handler(mw.Handler(ok)), 1, 0},
		{"another stage", stage.Handler(mw.Handler(ok)), 2, 0},
		{"parts of a batch", mw.Handler(batch), 3, 0},
		{"public outside", h.middleware(middleware.Config{Route: func(*http.Request) string { return "/" }, Public: []string{"/"}}).Handler(mw.Handler(ok)), 1, 0},
	} {
		log.Reset()
		var key apikey.Key
		key, secret = h.key(&usageplan.Plan{Quotas: perDay(9)})
		require.Equal(t, 200, status(c.handler, request("GET", "/pets/1", "X-API-Key", secret, "X-Other", others)), c.what)
		require.Equal(t, c.charged, used(t, h, key.ID), c.what)
		require.Equal(t, c.warns, strings.Count(log.String(), "twice"), "%s: %s", c.what, log.String())
	}
}

// TestTwiceVerifiesEachCredential checks that each credential is verified. That one key
// was admitted says nothing about another.
func TestTwiceVerifiesEachCredential(t *testing.T) {
	h := newFixture(t)
	one, secret := h.key(&usageplan.Plan{Quotas: perDay(9)})
	two, admin := h.key(&usageplan.Plan{Quotas: perDay(9)})
	inner := h.middleware(middleware.Config{Credential: middleware.Header("X-Admin-Key")})
	protected := h.middleware(middleware.Config{}).Handler(inner.Handler(ok))
	for _, c := range []struct {
		header   []string
		status   int
		one, two int64 // charged so far
	}{
		{[]string{"X-API-Key", secret}, 401, 1, 0},
		{[]string{"X-API-Key", secret, "X-Admin-Key", "acme_guess"}, 401, 2, 0},
		{[]string{"X-API-Key", secret, "X-Admin-Key", admin}, 200, 3, 1},
		{[]string{"X-API-Key", secret, "X-Admin-Key", secret}, 200, 4, 1},
	} {
		require.Equal(t, c.status, status(protected, request("GET", "/", c.header...)), c.header)
		require.Equal(t, c.one, used(t, h, one.ID))
		require.Equal(t, c.two, used(t, h, two.ID))
	}
	byID := h.middleware(middleware.Config{Credential: func(*http.Request) (middleware.Credential, error) {
		return middleware.Credential{KeyID: one.ID}, nil
	}})
	require.Equal(t, 200, status(h.middleware(middleware.Config{}).Handler(byID.Handler(ok)), with(secret)))
	require.Equal(t, int64(5), used(t, h, one.ID))
}

// TestTwiceOfClones checks what a handler makes of a request by Clone, which keeps the
// target of the request. Another path or method is charged. Another key is verified.
func TestTwiceOfClones(t *testing.T) {
	h := newFixture(t)
	key, secret := h.key(&usageplan.Plan{Quotas: perDay(3)})
	_, other := h.key(&usageplan.Plan{Quotas: perDay(1)})
	mw := h.middleware(middleware.Config{})
	statuses := func(change func(part *http.Request)) (all []int) {
		batch := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for range 3 {
				part := r.Clone(r.Context())
				change(part)
				all = append(all, status(mw.Handler(ok), part))
			}
		})
		require.Equal(t, 200, status(mw.Handler(batch), request("POST", "/batch?x=/pets/7", "Authorization", "Bearer "+secret)))
		return all
	}
	require.Equal(t, []int{401, 401, 401}, statuses(func(part *http.Request) { part.Header.Set("Authorization", "Bearer guess") }))
	require.Equal(t, []int{200, 429, 429}, statuses(func(part *http.Request) { part.Header.Set("Authorization", "Bearer "+other) }))
	require.Equal(t, int64(2), used(t, h, key.ID))
	require.Equal(t, []int{429, 429, 429}, statuses(func(part *http.Request) { part.URL.Path = "/pets/7" }))

	_, secret = h.key(&usageplan.Plan{Quotas: perDay(3)})
	require.Equal(t, []int{200, 200, 429}, statuses(func(part *http.Request) { part.Method = "DELETE" }))
}

// TestTwiceFree checks that a request that is free in an outer middleware pays in an
// inner one.
func TestTwiceFree(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	outer := h.middleware(middleware.Config{Free: free})
	protected := outer.Handler(h.middleware(middleware.Config{}).Handler(ok))
	require.Equal(t, 200, status(protected, with(secret)))
	require.Equal(t, 429, status(protected, with(secret)))
}

// TestTwiceRefused checks that a refusal of Check admits nothing in an inner one.
func TestTwiceRefused(t *testing.T) {
	mw := newFixture(t).middleware(middleware.Config{})
	r := with("guess")
	outer := mw.Check(r)
	require.False(t, outer.Allowed())
	require.False(t, mw.Check(r.WithContext(outer.NewContext(r))).Allowed())
}

// TestTwiceByCheck checks the same for frameworks that call Check.
func TestTwiceByCheck(t *testing.T) {
	h := newFixture(t)
	key, secret := h.key(&usageplan.Plan{Quotas: perDay(9)})
	mw := h.middleware(middleware.Config{})
	r := with(secret)
	outer := mw.Check(r)
	require.True(t, outer.Allowed())
	inner := mw.Check(r.WithContext(outer.NewContext(r)))
	require.True(t, inner.Allowed())
	require.True(t, inner.Skipped)
	require.Equal(t, int64(1), used(t, h, key.ID))
	d, found := middleware.DecisionFromContext(outer.NewContext(r))
	require.True(t, found)
	require.Same(t, &outer.Decision, d)
	d, _ = middleware.DecisionFromContext(inner.NewContext(r.WithContext(outer.NewContext(r))))
	require.Same(t, &outer.Decision, d, "the inner Result has none")
}

// used returns how much of its first quota a key has used.
func used(t *testing.T, h *fixture, keyID string) int64 {
	t.Helper()
	d, err := h.gate.Peek(t.Context(), gate.Request{KeyID: keyID})
	require.NoError(t, err)
	return d.Level(0).Max - d.Level(0).Remaining()
}
