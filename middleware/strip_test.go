package middleware_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestStrip checks that the credential is hidden from the next handler and from no other
// handler.
func TestStrip(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	cfg := middleware.Config{
		Credential:      middleware.OneOf(middleware.Bearer(), middleware.Header("X-API-Key"), middleware.Query("key")),
		StripCredential: true,
	}
	for _, c := range []struct{ before, after *http.Request }{
		{with(secret), request("GET", "/")},
		{request("GET", "/", "X-API-Key", secret, "X-Other", "1"), request("GET", "/", "X-Other", "1")},
		{request("GET", "/", "X-API-Key", secret, "Authorization", "Basic eDp5"), request("GET", "/", "Authorization", "Basic eDp5")},
		{request("GET", "/pets?key="+secret), request("GET", "/pets")},
		{request("GET", "/pets?b=2&a=%20&k%65y="+secret+"&b=1&c;d"), request("GET", "/pets?b=2&a=%20&b=1&c;d")},
	} {
		uri, header := c.before.RequestURI, c.before.Header.Clone()
		called := false
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			called = true
			require.Equal(t, c.after.Header, r.Header)
			require.Equal(t, c.after.URL, r.URL)
			require.Equal(t, c.after.RequestURI, r.RequestURI)
		})
		require.Equal(t, 200, status(h.middleware(cfg).Handler(next), c.before))
		require.True(t, called)
		require.Equal(t, uri, c.before.RequestURI)
		require.Equal(t, uri, c.before.URL.RequestURI())
		require.Equal(t, header, c.before.Header)
	}
}

// TestStripSkipped checks that credentials, good or bad, are hidden on public routes and
// with preflights, too.
func TestStripSkipped(t *testing.T) {
	cfg := middleware.Config{
		Credential:      middleware.OneOf(middleware.Bearer(), middleware.Header("X-API-Key"), middleware.Query("key")),
		Public:          []string{"GET /health"},
		StripCredential: true,
	}
	h := newFixture(t)
	for _, c := range []struct {
		target string
		header []string
		want   string // what the next handler sees
	}{
		{"/health", []string{"X-Api-Key", "secret"}, "map[] /health"},
		{"/health", []string{"Authorization", "Bearer secret", "X-Other", "1"}, "map[X-Other:[1]] /health"},
		{"/health", []string{"Authorization", "Basic eDp5"}, "map[Authorization:[Basic eDp5]] /health"},
		{"/health?a=1&key=secret", nil, "map[] /health?a=1"},
		{"/health?key=secret&key=secret", []string{"Authorization", "Bearer secret", "X-Api-Key", "secret"}, "map[] /health"},
		{"/health?key=secret", []string{"X-Api-Key", "secret", "X-Api-Key", "secr et"}, "map[] /health"},
		{"/health?=1", []string{"Authorization", "Bearersecret"}, "map[Authorization:[Bearersecret]] /health?=1"},
	} {
		for method, header := range map[string][]string{"GET": c.header, "OPTIONS": append(c.header, "Origin", "o", "Access-Control-Request-Method", "GET")} {
			mux, got := http.NewServeMux(), ""
			for _, pattern := range []string{"GET /health", "OPTIONS /"} {
				mux.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) {
					r.Header.Del("Origin")
					r.Header.Del("Access-Control-Request-Method")
					got = fmt.Sprint(r.Header, " ", r.URL)
				})
			}
			r := request(method, c.target, header...)
			sent := r.Header.Clone()
			require.Equal(t, 200, status(h.middleware(cfg).Handler(mux), r))
			require.Equal(t, c.want, got)
			require.Equal(t, c.target, r.RequestURI)
			if strings.Contains(c.want, "map[]") && len(c.header) > 0 {
				require.Equal(t, sent, r.Header, "others' request")
			}
		}
	}
}

// TestStripForm checks that the credential is removed from a form that Config.Costs
// has parsed, and that values from the body stay.
func TestStripForm(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	protected := h.middleware(middleware.Config{
		Credential: middleware.Query("key"), StripCredential: true,
		Costs: func(r *http.Request) usageplan.Costs { _ = r.FormValue("n"); return usageplan.Costs{} },
	})
	for body, want := range map[string]url.Values{
		"":           {"n": {"1"}},
		"n=2&m=3":    {"n": {"2", "1"}, "m": {"3"}},
		"key=pad&m=": {"n": {"1"}, "m": {""}, "key": {"pad"}},
	} {
		r := request("POST", "/?n=1&key="+secret, "Content-Type", "application/x-www-form-urlencoded")
		r.Body = http.NoBody
		if body != "" {
			r.Body = readCloser{strings.NewReader(body)}
		}
		require.Equal(t, 200, status(protected.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			require.NoError(t, r.ParseForm())
			require.Equal(t, want, r.Form)
		})), r))
		require.Contains(t, r.Form["key"], secret, "others' request")
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }
