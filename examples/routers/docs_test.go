package routers

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
)

// TestDocs checks that each line of code in docs/routers.md is a line of this package.
func TestDocs(t *testing.T) {
	lines := map[string]bool{"": true}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			lines[strings.TrimSpace(line)] = true
		}
	}
	text, err := os.ReadFile("../../docs/routers.md")
	require.NoError(t, err)
	blocks := strings.Split(string(text), "```go\n")[1:]
	require.GreaterOrEqual(t, len(blocks), 6)
	for _, block := range blocks {
		code, _, ended := strings.Cut(block, "```")
		require.True(t, ended)
		for line := range strings.Lines(code) {
			require.True(t, lines[strings.TrimSpace(line)], "%q is in no file here", line)
		}
	}
}

// TestSetUps throttles a route through each set-up of the page.
func TestSetUps(t *testing.T) {
	mux := func(pattern string) *http.ServeMux {
		m := http.NewServeMux()
		m.HandleFunc(pattern, ok)
		return m
	}
	for name, c := range map[string]struct {
		route, target string
		setUp         func(s *service) (http.Handler, error)
	}{
		"behind": {"GET /pets/{id}", "/pets/1", func(s *service) (http.Handler, error) { return Behind(s.gate, mux("GET /pets/{id}"), logging) }},
		"below a prefix": {"GET /pets/{id}", "/v1/pets/1", func(s *service) (http.Handler, error) {
			outer := http.NewServeMux()
			return outer, BelowPrefix(s.gate, outer, mux("GET /pets/{id}"), logging)
		}},
		"around nested": {"GET /api/pets/{id}", "/api/pets/1", func(s *service) (http.Handler, error) {
			outer, api := http.NewServeMux(), mux("GET /api/pets/{id}")
			outer.Handle("/api/", logging(api))
			return AroundNested(s.gate, outer, api)
		}},
		"around chi": {"GET /api/reports/{id}", "/api/reports/1", func(s *service) (http.Handler, error) {
			return AroundChi(s.gate, chiRouter(nil))
		}},
		"in a group of chi": {"GET /x/pets/{id}", "/x/pets/1", func(s *service) (http.Handler, error) {
			router := chi.NewRouter()
			return router, InChiGroup(s.gate, router, func(r chi.Router) {
				r.Route("/x", func(r chi.Router) { r.Get("/pets/{id}", ok) })
			})
		}},
	} {
		s := newService(t, c.route)
		h, err := c.setUp(s)
		require.NoError(t, err)
		require.Equal(t, 200, s.status(h, "GET "+c.target), name)
		require.Equal(t, 429, s.status(h, "GET "+c.target), name)
	}
}

// TestWarnings checks that a name without the prefix of a sub-router has no effect. The
// Logger is warned of it if the router is a ServeMux that is known, but not with chi.
func TestWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		router func(s *service) http.Handler
		warned bool
	}{
		"chi": {func(s *service) http.Handler {
			router := chi.NewRouter()
			router.Route("/api", func(r chi.Router) { r.Get("/reports/{id}", ok) })
			return s.middleware(middleware.Config{Route: Chi(router)}).Handler(router)
		}, false},
		"ServeMux": {func(s *service) http.Handler {
			mux := http.NewServeMux()
			mux.HandleFunc("GET /api/reports/{id}", ok)
			return s.middleware(middleware.Config{}).Handler(mux)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, "GET /reports/{id}")
			h := c.router(s)
			for range 2 { // the throttle of the route would admit one
				require.Equal(t, 200, s.status(h, "GET /api/reports/7"))
			}
			require.Equal(t, c.warned, strings.Contains(s.log.String(), "is not in the mux"), s.log.String())
		})
	}
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

// TestSpellings sends spellings of "/api/reports/1" through each set-up. Each is
// throttled by the route, or is not served at all.
func TestSpellings(t *testing.T) {
	for _, c := range setUps {
		s := newService(t, c.reports)
		h := c.make(s, c.health)
		require.Equal(t, 200, s.status(h, "GET /api/reports/1"), c.name)
		for _, target := range []string{
			"/api/reports/1/", "/API/reports/1", "/%61pi/reports/1", "/api/reports%2f1", "/api%2Freports/1", "/x/../api/reports/1",
			"/x/%2e%2e/api/reports/1", "/%2e/api/reports/1", "/api/%2e/reports/1", "//api/reports/1", "/api//reports/1", "/api/reports//1",
			`/api\reports\1`, "/api%5creports%5c1", "/api/reports;a=b/1", "/api/reports/1;a=b", "/api/reports/1%00", "/api/reports./1", "/%2561pi/reports/1",
		} {
			require.NotEqual(t, 200, s.status(h, "GET "+target), "%s: %s", c.name, target)
		}
	}
}
