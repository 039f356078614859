package middleware_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// muxOf returns a mux with a handler for each pattern.
func muxOf(patterns ...string) *http.ServeMux {
	mux := http.NewServeMux()
	for _, p := range patterns {
		mux.Handle(p, ok)
	}
	return mux
}

// behind hides that h is a mux.
func behind(h http.Handler) http.Handler { return http.HandlerFunc(h.ServeHTTP) }

// under returns a mux that has h below a pattern.
func under(pattern string, h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(pattern, h)
	return mux
}

// each returns a mux in which each pattern has a handler inside the middleware.
func each(patterns ...string) func(*middleware.Middleware) http.Handler {
	return func(mw *middleware.Middleware) http.Handler {
		mux := http.NewServeMux()
		for _, p := range patterns {
			mux.Handle(p, mw.Handler(ok))
		}
		return mux
	}
}

// TestWatch checks for each setup in which a name may have no effect what the Logger is
// warned of: the name, and the pattern that was seen instead.
func TestWatch(t *testing.T) {
	api := muxOf("GET /api/reports/{id}", "GET /api/health", "/api/files/")
	outside := func(mw *middleware.Middleware) http.Handler { return mw.Handler(behind(api)) }
	for _, c := range []struct {
		what   string
		cfg    middleware.Config
		setUp  func(*middleware.Middleware) http.Handler
		routes []string // of the plan
		asked  []string
		warned []string
	}{
		// Muxes that the middleware does not see.
		{"no mux is known", middleware.Config{}, outside,
			[]string{"GET /api/reports/{id}"}, []string{"GET /api/reports/1", "GET /api/reports/2"}, []string{"GET /api/reports/{id}: (none)"}},
		{"a first 404", middleware.Config{}, outside,
			[]string{"GET /api/reports/{id}"}, []string{"GET /elsewhere", "POST /api/reports/1"}, nil},
		{"only public is named", middleware.Config{Public: []string{"GET /api/health"}}, outside,
			nil, []string{"GET /api/reports/1", "GET /api/health"}, []string{"GET /api/health: (none)"}},
		{"nothing is named", middleware.Config{}, outside, nil, []string{"GET /api/reports/1"}, nil},
		{"every route", middleware.Config{}, outside, []string{"*"}, []string{"GET /api/reports/1"}, nil},
		{"the mux is named", middleware.Config{Mux: api, Public: []string{"GET /api/health"}}, outside,
			[]string{"GET /api/reports/{id}", "/api/files/"}, []string{"GET /api/reports/1", "GET /api/health", "GET /api/files/x", "GET /x/y"}, nil},
		// Below an outer mux.
		{"an outer mux", middleware.Config{Public: []string{"GET /api/health"}},
			func(mw *middleware.Middleware) http.Handler { return under("/api/", mw.Handler(behind(api))) },
			[]string{"GET /api/reports/{id}"}, []string{"GET /api/else", "GET /api/reports/1", "GET /api/health", "GET /api/reports/1"},
			[]string{"GET /api/reports/{id}: /api/", "GET /api/health: /api/"}},
		{"an outer mux with hosts", middleware.Config{},
			func(mw *middleware.Middleware) http.Handler { return under("example.com/", mw.Handler(behind(api))) },
			[]string{"GET /api/reports/{id}"}, []string{"GET /api/reports/1"}, []string{"GET /api/reports/{id}: /"}},
		{"an outer mux, and StripPrefix", middleware.Config{},
			func(mw *middleware.Middleware) http.Handler {
				return under("/v1/", http.StripPrefix("/v1", mw.Handler(behind(api))))
			},
			[]string{"GET /api/reports/{id}"}, []string{"GET /v1/api/else", "GET /v1/api/reports/1"}, []string{"GET /api/reports/{id}: /v1/"}},
		{"an outer mux is the next", middleware.Config{},
			func(mw *middleware.Middleware) http.Handler { return mw.Handler(under("/api/", behind(api))) },
			[]string{"GET /api/reports/{id}", "/api/files/"}, []string{"GET /api/else"},
			[]string{"GET /api/reports/{id}: /api/", "/api/files/: /api/"}},
		// Inside a mux.
		{"inside", middleware.Config{}, each("GET /pets/{id}", "GET /pets/mine", "/"),
			[]string{"GET /pets/{id}", "GET /else"}, []string{"GET /pets/1", "GET /pets/mine", "GET /", "GET /pets/mine/x"}, nil},
		{"inside, of another name", middleware.Config{}, each("GET /pets/{petID}"),
			[]string{"GET /pets/{id}"}, []string{"GET /pets/1"}, []string{"GET /pets/{id}: GET /pets/{petID}"}},
		{"inside, not there", middleware.Config{}, each("/pets/", "/"),
			[]string{"GET /pets/mine", "POST /pets/mine", "GET /pets/"}, []string{"GET /pets/yours", "GET /pets/mine"},
			[]string{"GET /pets/mine: /pets/", "GET /pets/: /pets/"}},
		{"inside, every method", middleware.Config{}, each("GET /pets", "/pets"),
			[]string{"/pets"}, []string{"GET /pets", "POST /pets"}, nil},
		{"inside, the plan's own catch-all", middleware.Config{}, each("GET /pets", "/"), []string{"/"}, []string{"GET /x/y", "GET /pets"}, nil},
		// A known mux is checked at the first request.
		{"known, not there", middleware.Config{Mux: api, Public: []string{"GET /health", "/api/files/"}}, outside,
			[]string{"GET /api/reports/{other}", "GET /api/reports/{id}", "GET /files/"}, []string{"GET /api/files/1", "GET /else"},
			[]string{"GET /health: (none)", "GET /api/reports/{other}: GET /api/reports/{id}", "GET /files/: (none)"}},
		{"known, of one stage", middleware.Config{Mux: api, API: "orders", Stage: "prod"}, outside,
			[]string{"GET /elsewhere", "prod GET /nowhere"}, []string{"GET /else"}, []string{"GET /nowhere: (none)"}},
		{"known, with a host", middleware.Config{Mux: muxOf("GET example.com/pets", "example.com/{$}"), Public: []string{"example.com/{$}", "/{$}"}}, outside,
			[]string{"GET /pets"}, []string{"GET /else"}, []string{"/{$}: (none)"}},
		{"known, a subtree under others", middleware.Config{}, func(mw *middleware.Middleware) http.Handler {
			return mw.Handler(muxOf("/docs/", "/docs/{$}", "/docs/{a}", "GET /docs/{a}/{b}", "/files/{rest...}", "/pets", "GET /pets"))
		},
			[]string{"/docs/", "/files/{rest...}", "/pets"}, []string{"GET /docs/a"}, nil},
		{"known, one of two", middleware.Config{Public: []string{"/two"}}, func(mw *middleware.Middleware) http.Handler {
			one, two := muxOf("/one"), muxOf("/two")
			first, second := mw.Handler(one), mw.Handler(two)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/one" {
					first.ServeHTTP(w, r)
				} else {
					second.ServeHTTP(w, r)
				}
			})
		},
			[]string{"/one", "/three"}, []string{"GET /one", "GET /two", "GET /three"}, []string{"/three: (none)"}},
		{"known, and a handler without", middleware.Config{}, func(mw *middleware.Middleware) http.Handler {
			mux := muxOf("/one")
			mux.Handle("/", each("/two")(mw))
			return mw.Handler(mux)
		},
			[]string{"/one", "/two", "/three"}, []string{"GET /one"}, nil},
		{"known, behind StripPrefix", middleware.Config{Mux: api, Public: []string{"GET /api/health"}},
			func(mw *middleware.Middleware) http.Handler { return mw.Handler(http.StripPrefix("/v1", api)) },
			[]string{"GET /api/reports/{id}"}, []string{"GET /v1/api/reports/1", "GET /v1/api/health", "GET /"},
			[]string{"GET /api/reports/{id}: (none)", "GET /api/health: (none)"}},
		{"known, StripPrefix around", middleware.Config{Mux: api},
			func(mw *middleware.Middleware) http.Handler {
				return http.StripPrefix("/v1", mw.Handler(behind(api)))
			},
			[]string{"GET /api/reports/{id}"}, []string{"GET /v1/api/reports/1"}, nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			assert.ElementsMatch(t, c.warned, warnings(t, c.cfg, c.setUp, c.routes, c.asked))
		})
	}
}

// TestWatchRouteFunc checks the same for patterns of other routers, from Config.Route.
// Each case lists what Config.Route returns for a request.
func TestWatchRouteFunc(t *testing.T) {
	for _, c := range []struct {
		what   string
		routes []string
		asked  [][2]string
		warned []string
	}{
		{"a group's pattern is all that is known", []string{"GET /api/reports/{id}"}, [][2]string{{"GET /api/x", "/api/*"}, {"GET /api/reports/1", "/api/*"}}, []string{"GET /api/reports/{id}: /api/{path...}"}},
		{"nothing is known", []string{"GET /api/reports/{id}"}, [][2]string{{"GET /else", ""}, {"GET /api/reports/1", ""}}, []string{"GET /api/reports/{id}: (none)"}},
		{"another name", []string{"GET /pets/{id}"}, [][2]string{{"GET /pets/1", "GET /pets/:petID"}}, []string{"GET /pets/{id}: GET /pets/{petID}"}},
		{"another syntax", []string{"GET /pets/{id}"}, [][2]string{{"GET /pets/1", "GET /pets/:id"}, {"GET /pets/1", "GET /pets/{id}"}}, nil},
		{"no method", []string{"/pets/{id}"}, [][2]string{{"GET /pets/1", "GET /pets/:id"}}, []string{"/pets/{id}: GET /pets/{id}"}},
		{"a file server", []string{"GET /files/{path...}"}, [][2]string{{"GET /files/a/b", "GET /*"}}, []string{"GET /files/{path...}: GET /{path...}"}},
		{"more specific", []string{"GET /pets/{id}", "GET /{path...}"}, [][2]string{{"GET /pets/mine", "GET /pets/mine"}, {"GET /pets/1/x", "GET /pets/:id/x"}}, nil},
		{"neither is", []string{"GET /a/{x}/b"}, [][2]string{{"GET /a/c/b", "GET /a/c/:y"}}, nil},
		{"a slash at the end", []string{"GET /docs/"}, [][2]string{{"GET /docs/a", "GET /*"}, {"GET /docs", "GET /*"}}, nil},
		{"regular expressions", []string{"GET /pets/{n}"}, [][2]string{{"GET /pets/x", "GET /pets/{x:[a-z]+}"}}, nil},
		{"regular expressions, and another pattern", []string{"GET /pets/{n}"}, [][2]string{{"GET /pets/7", "GET /*"}}, []string{"GET /pets/{n}: GET /{path...}"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			said := map[string]string{}
			var asked []string
			for _, pair := range c.asked {
				said[pair[0]] = pair[1]
				asked = append(asked, pair[0])
			}
			cfg := middleware.Config{Route: func(r *http.Request) string { return said[r.Method+" "+r.URL.Path] }}
			setUp := func(mw *middleware.Middleware) http.Handler { return mw.Handler(behind(ok)) }
			assert.ElementsMatch(t, c.warned, warnings(t, cfg, setUp, c.routes, asked))
		})
	}
}

// warnings returns the warnings as "name: seen" after requests with the key of a plan.
// Public routes are requested without the key.
func warnings(t *testing.T, cfg middleware.Config, setUp func(*middleware.Middleware) http.Handler, routes, asked []string) (list []string) {
	t.Helper()
	h := newFixture(t)
	staged := map[string]limiter.Limit{}
	p := &usageplan.Plan{Routes: map[string]limiter.Limit{}, StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{{API: "orders", Name: "prod"}: staged}}
	for _, route := range routes {
		if route, ok := strings.CutPrefix(route, "prod "); ok {
			staged[route] = *throttle(1, 99)
		} else {
			p.Routes[route] = *throttle(1, 99)
		}
	}
	_, secret := h.key(p)
	var log bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	protected := setUp(h.middleware(cfg))
	for _, line := range slices.Concat(asked, asked) {
		method, target, _ := strings.Cut(line, " ")
		r := request(method, "http://example.com"+target)
		if !strings.HasSuffix(target, "/health") {
			r.Header.Set("X-API-Key", secret)
		}
		serve(protected, r)
	}
	for line := range strings.Lines(log.String()) {
		require.Contains(t, line, "level=WARN")
		require.Regexp(t, "has no effect|is in no router", line)
		list = append(list, attr(line, "route=")+attr(line, "pattern=")+": "+attr(line, "seen="))
	}
	return list
}

// attr returns an attribute of a line of a TextHandler.
func attr(line, name string) (value string) {
	if _, rest, ok := strings.Cut(line, " "+name); ok {
		if _, err := fmt.Sscanf(rest, "%q", &value); err != nil {
			value = strings.Fields(rest)[0]
		}
	}
	return value
}

// TestWatchFor checks that the Logger is warned of a route with limits of its own that no
// mux has. A class is no route.
func TestWatchFor(t *testing.T) {
	h := newFixture(t)
	own := usageplan.Limits{Quotas: perDay(9)}
	_, secret := h.key(&usageplan.Plan{For: map[string]usageplan.Limits{"GET /pets": own, "GET /dogs": own, "opus": own}})
	var log bytes.Buffer
	protected := h.middleware(middleware.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Handler(muxOf("GET /pets"))
	for range 2 {
		require.Equal(t, 200, status(protected, request("GET", "/pets", "X-API-Key", secret)))
	}
	require.Equal(t, 1, strings.Count(log.String(), "level="), log.String())
	require.Contains(t, log.String(), `route="GET /dogs"`)
}

// TestWatchWarnsOnce checks that a route is reported once, although the plan is
// changed and read again.
func TestWatchWarnsOnce(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{ID: "p", Routes: map[string]limiter.Limit{"GET /pets": *throttle(1, 99)}})
	var log bytes.Buffer
	protected := h.middleware(middleware.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}).Handler(behind(ok))
	for _, name := range []string{"GET /dogs", "GET /cats"} {
		serve(protected, request("GET", "/pets", "X-API-Key", secret))
		_, err := h.plans.Update(t.Context(), "p", func(p *usageplan.Plan) error {
			p.Routes[name] = *throttle(1, 99)
			return nil
		})
		require.NoError(t, err)
	}
	serve(protected, request("GET", "/cats", "X-API-Key", secret))
	require.Equal(t, 1, strings.Count(log.String(), `route="GET /pets"`), log.String())
	require.Equal(t, 1, strings.Count(log.String(), `route="GET /cats"`), log.String())
	require.NotContains(t, log.String(), "GET /dogs")
}
