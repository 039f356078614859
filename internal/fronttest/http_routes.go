package fronttest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
)

// httpRouteCases are about methods, paths and the router.
var httpRouteCases = []httpCase{
	{
		name: "HEAD counts for the GET that serves it", limits: limits{reports: "1/h burst 2"},
		run: func(t *testing.T, h *httpServer) {
			target, key := targets[Reports], h.key(Alice)
			if !h.front.Heads {
				require.Contains(t, []int{404, 405}, h.status(t, "HEAD", target, key))
				require.Empty(t, h.Seen())
				return
			}
			require.Equal(t, 401, h.status(t, "HEAD", target))
			require.Equal(t, 200, h.status(t, "HEAD", target, key))
			require.Equal(t, 200, h.status(t, "GET", target, key))
			require.Equal(t, 429, h.status(t, "HEAD", target, key))
			require.Equal(t, 429, h.status(t, "GET", target, key))
		},
	},
	{
		name: "a preflight reaches no handler of another method", limits: limits{quotas: []string{"9/year"}},
		run: func(t *testing.T, h *httpServer) {
			preflight := []string{"Origin: https://example.com", "Access-Control-Request-Method: GET"}
			require.Contains(t, []int{401, 404, 405}, h.status(t, "OPTIONS", targets[Pets], preflight...))
			require.Empty(t, h.Seen())
			require.Contains(t, []int{204, 404, 405}, h.status(t, "OPTIONS", targets[Pets], append(preflight, h.key(Alice))...))
			require.Empty(t, h.Seen())
		},
	},
	{
		name: "a public route for preflights", limits: limits{quotas: []string{"9/year"}},
		cfg: func(cfg *middleware.Config) { cfg.Public = append(cfg.Public, "OPTIONS /pets/{n}") },
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "OPTIONS", Path: "/pets/{n}", Handle: func(x Exchange) error { return x.Answer(http.StatusNoContent, "") }}}
		},
		run: func(t *testing.T, h *httpServer) {
			require.Equal(t, 204, h.status(t, "OPTIONS", targets[Pets], "Origin: https://example.com", "Access-Control-Request-Method: GET"))
			require.Equal(t, 204, h.status(t, "OPTIONS", targets[Pets]))
			require.Equal(t, 401, h.status(t, "GET", targets[Pets]))
			require.Zero(t, h.used(t))
		},
	},
	{
		name: "an unknown path", limits: limits{quotas: []string{"9/year"}},
		run: func(t *testing.T, h *httpServer) {
			require.Contains(t, []int{401, 404}, h.status(t, "GET", "/nowhere"))
			require.Equal(t, 404, h.status(t, "GET", "/nowhere", h.key(Alice)))
			require.Equal(t, 404, h.status(t, "GET", "/api/nowhere/1/2", h.key(Alice)))
			require.Empty(t, h.Seen())
		},
	},
	{
		name: "another method", limits: limits{quotas: []string{"9/year"}},
		run: func(t *testing.T, h *httpServer) {
			want := []int{404, 405}
			if h.front.Answers405 {
				want = want[1:]
			}
			require.Contains(t, want, h.status(t, "DELETE", targets[Pets], h.key(Alice)))
			require.Contains(t, append(want, 401), h.status(t, "DELETE", targets[Pets]))
			require.Empty(t, h.Seen())
		},
	},
	{
		name: "a slash too many", limits: limits{quotas: []string{"9/year"}},
		run: func(t *testing.T, h *httpServer) {
			status := h.status(t, "GET", "/tree", h.key(Alice))
			if h.front.Redirects {
				require.Contains(t, []int{301, 307, 308}, status)
				require.Zero(t, h.used(t), "the client pays when it follows the redirect")
			} else {
				require.Contains(t, []int{200, 404, 301, 307, 308}, status)
			}
		},
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "GET", Path: "/tree/", Handle: func(x Exchange) error { return x.Answer(200, "tree") }}}
		},
	},
	{
		name: "spellings of a path stay in its throttle", limits: limits{reports: "1/h burst 1"},
		run: func(t *testing.T, h *httpServer) {
			require.Equal(t, 200, h.status(t, "GET", "/api/reports/1", h.key(Alice)))
			for _, target := range []string{
				"/api/reports/1", "/api/reports/1/", "/API/reports/1", "/%61pi/reports/1", "/api/reports%2f1", "/api%2Freports/1", "/x/../api/reports/1",
				"/x/%2e%2e/api/reports/1", "/%2e/api/reports/1", "/api/%2e/reports/1", "//api/reports/1", "/api//reports/1", "/api/reports//1",
				`/api\reports\1`, "/api%5creports%5c1", "/api/reports;a=b/1", "/api/reports/1;a=b", "/api/reports/1%00", "/api/reports./1", "/%2561pi/reports/1",
				"http://example.com/api/reports/1", "http://other.example/api/reports/1",
			} {
				require.NotEqual(t, 200, h.status(t, "GET", target, h.key(Alice)), target)
			}
		},
	},
	{
		name: "the middleware twice", limits: limits{quotas: []string{"9/year"}}, twice: true,
		skip: func(f *HTTPFront) bool { return f.Twice == nil },
		cfg: func(cfg *middleware.Config) {
			cfg.StripCredential, cfg.Refund = true, func(status int) bool { return status == 404 }
		},
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "GET", Path: "/api/none", Handle: func(x Exchange) error { return x.Answer(404, "") }}}
		},
		run: func(t *testing.T, h *httpServer) {
			require.Equal(t, 200, h.status(t, "GET", targets[Pets], h.key(Alice)))
			require.EqualValues(t, 1, h.used(t))
			require.Contains(t, h.Log(), "twice")
			require.Equal(t, 404, h.status(t, "GET", "/api/none", h.key(Alice)))
			require.EqualValues(t, 1, h.used(t))
			require.Equal(t, 401, h.status(t, "GET", targets[Pets]))
		},
	},
}
