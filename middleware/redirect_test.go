package middleware_test

import (
	"net/http"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestRedirect checks that a request is charged once if the mux first redirects it to the
// clean form of its path.
func TestRedirect(t *testing.T) {
	mux := http.NewServeMux()
	for _, pattern := range []string{"GET /dir/", "/only/{$}", "/rest/{rest...}", "/file"} {
		mux.Handle(pattern, ok)
	}
	mux.Handle("/moved", http.RedirectHandler("/file", http.StatusFound))
	mux.Handle("/catch/", http.RedirectHandler("/file", http.StatusFound))
	for _, c := range []struct {
		target string
		status int
		cost   int64
	}{
		{"/dir", 307, 0},
		{"/dir?a=1", 307, 0},
		{"/dir/", 200, 1},
		{"/dir//x", 307, 0},
		{"/a/../dir/", 307, 0},
		{"//nothing", 307, 0},
		{"/only", 307, 0},
		{"/only/", 200, 1},
		{"/rest/a", 200, 1},
		{"/rest", 307, 0},
		{"/moved", 302, 1},
		{"/catch/all", 302, 1},
		{"/file", 200, 1},
		{"/nothing", 404, 1},
	} {
		h := newFixture(t)
		k, secret := h.key(&usageplan.Plan{Quotas: perDay(9)})
		for name, handler := range map[string]http.Handler{
			"handler":      h.middleware(middleware.Config{}).Handler(mux),
			"mux and next": h.middleware(middleware.Config{Mux: mux}).Handler(mux),
		} {
			require.Equal(t, c.status, status(handler, request("GET", c.target, "Authorization", "Bearer "+secret)), "%s %s", name, c.target)
			require.Equal(t, 401, status(handler, request("GET", c.target)), "%s %s: a key is wanted", name, c.target)
		}
		d, err := h.gate.Peek(t.Context(), gate.Request{KeyID: k.ID})
		require.NoError(t, err)
		require.Equal(t, 2*c.cost, d.Level(0).Used, c.target)
	}
}

// TestRedirectBehindACleaner charges a request that the mux alone would redirect, where a
// handler between cleans the path and the mux does the work.
func TestRedirectBehindACleaner(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	mux := http.NewServeMux()
	work := 0
	mux.HandleFunc("GET /pets", func(http.ResponseWriter, *http.Request) { work++ })
	clean := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = path.Clean(r.URL.Path)
		mux.ServeHTTP(w, r)
	})
	mw := h.middleware(middleware.Config{Mux: mux}).Handler(clean)
	for _, want := range []int{200, 429, 429} {
		require.Equal(t, want, status(mw, request("GET", "http://x//pets", "X-API-Key", secret)))
	}
	require.Equal(t, 1, work)
}
