package fronttest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// httpAnswerCases are about header fields and answers.
var httpAnswerCases = []httpCase{
	{
		name: "two values of one field", limits: limits{quotas: []string{"9/year"}},
		run: func(t *testing.T, h *httpServer) {
			require.Equal(t, 400, h.status(t, "GET", targets[Pets], h.key(Alice), h.key(Bob)))
			require.Equal(t, 400, h.status(t, "GET", targets[Pets], h.key(Stranger), h.key(Alice)))
			require.Zero(t, h.used(t))
		},
	},
	{
		name: "a credential in the query is hidden", limits: limits{quotas: []string{"9/year"}},
		cfg: func(cfg *middleware.Config) { cfg.Credential, cfg.StripCredential = middleware.Query("key"), true },
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "GET", Path: "/api/query", Handle: func(x Exchange) error { return x.Answer(200, x.Query()) }}}
		},
		run: func(t *testing.T, h *httpServer) {
			resp, body := h.do(t, request{method: "GET", target: "/api/query?a=1&key=" + h.Secret(Alice) + "&b=%20"})
			require.Equal(t, 200, resp.StatusCode)
			require.Equal(t, "a=1&b=%20", body)
			require.EqualValues(t, 1, h.used(t))
		},
	},
	{
		name: "a status without a body is refunded", limits: limits{quotas: []string{"9/year"}},
		cfg: func(cfg *middleware.Config) { cfg.Refund = func(status int) bool { return status == 404 } },
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "GET", Path: "/api/none", Handle: func(x Exchange) error { return x.Answer(404, "") }}}
		},
		run: func(t *testing.T, h *httpServer) {
			require.Equal(t, 404, h.status(t, "GET", "/api/none", h.key(Alice)))
			require.Zero(t, h.used(t))
			require.Equal(t, 404, h.status(t, "GET", "/api/nowhere", h.key(Alice)))
			require.Zero(t, h.used(t), "the router's own 404")
			require.Equal(t, 200, h.status(t, "GET", targets[Pets], h.key(Alice)))
			require.EqualValues(t, 1, h.used(t))
		},
	},
	{
		name: "an answer that caches share has no fields of one client", limits: limits{quotas: []string{"9/year"}},
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "GET", Path: "/api/shared", Handle: func(x Exchange) error {
				x.SetHeader("Cache-Control", "public, max-age=60")
				return x.Answer(200, "for all")
			}}}
		},
		run: func(t *testing.T, h *httpServer) {
			resp, body := h.do(t, request{method: "GET", target: "/api/shared", header: []string{h.key(Alice)}})
			require.Equal(t, "for all", body)
			require.Equal(t, "public, max-age=60", resp.Header.Get("Cache-Control"))
			require.Empty(t, resp.Header["Ratelimit"])
			require.Empty(t, resp.Header["Ratelimit-Policy"])
			resp, _ = h.do(t, request{method: "GET", target: targets[Pets], header: []string{h.key(Alice)}})
			require.Equal(t, map[string]int64{"year": 7}, RemainingOf(resp.Header["Ratelimit"]))
		},
	},
	{
		name: "a refusal in another form", limits: limits{quotas: []string{"0/year"}},
		cfg: func(cfg *middleware.Config) {
			cfg.Refuse = func(w http.ResponseWriter, r *http.Request, res *middleware.Result) {
				w.Header().Add("X-Refused", r.URL.Path)
				w.Header().Add("X-Refused", res.Decision.Reason.String())
				res.WriteAWS(w)
			}
		},
		run: func(t *testing.T, h *httpServer) {
			resp, body := h.do(t, request{method: "GET", target: targets[Pets], header: []string{h.key(Alice)}})
			require.Equal(t, 429, resp.StatusCode)
			require.Equal(t, []string{"/pets/1", "never_fits"}, resp.Header["X-Refused"])
			require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
			require.Contains(t, body, `"message"`)
			require.Empty(t, h.Seen())
		},
	},
	{
		name: "a refusal is a problem", limits: limits{throttle: "6/m burst 1"},
		run: func(t *testing.T, h *httpServer) {
			require.Equal(t, 200, h.status(t, "GET", targets[Pets], h.key(Alice)))
			resp, body := h.do(t, request{method: "GET", target: targets[Pets], header: []string{h.key(Alice)}})
			require.Equal(t, 429, resp.StatusCode)
			require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
			require.Equal(t, "10", resp.Header.Get("Retry-After"))
			require.Equal(t, `"throttle";q=1;w=10`, resp.Header.Get("RateLimit-Policy"))
			require.True(t, json.Valid([]byte(body)))
			resp, _ = h.do(t, request{method: "GET", target: targets[Pets]})
			require.Equal(t, 401, resp.StatusCode)
			require.Equal(t, `Bearer realm="api"`, resp.Header.Get("WWW-Authenticate"))
		},
	},
	{
		name: "a mistake of the service", limits: limits{quotas: []string{"9/year"}},
		cfg: func(cfg *middleware.Config) {
			cfg.Costs = func(*http.Request) usageplan.Costs { return usageplan.Costs{-1} }
		},
		run: func(t *testing.T, h *httpServer) {
			require.Equal(t, 500, h.status(t, "GET", targets[Pets], h.key(Alice)))
			require.Empty(t, h.Seen())
			require.Zero(t, h.used(t))
		},
	},
	{
		name: "a client's own usage", limits: limits{quotas: []string{"9/year"}},
		cfg: func(cfg *middleware.Config) { cfg.Public = append(cfg.Public, "GET /api/usage") },
		routes: func(h *httpServer) []HTTPRoute {
			usage, err := h.mw.Usage(middleware.UsageConfig{})
			if err != nil {
				panic(err)
			}
			return []HTTPRoute{{Method: "GET", Path: "/api/usage", Handler: usage}}
		},
		run: func(t *testing.T, h *httpServer) {
			require.Equal(t, 200, h.status(t, "GET", targets[Pets], h.key(Alice)))
			resp, body := h.do(t, request{method: "GET", target: "/api/usage", header: []string{h.key(Alice)}})
			require.Equal(t, 200, resp.StatusCode, body)
			require.Equal(t, "application/json", strings.Split(resp.Header.Get("Content-Type"), ";")[0])
			require.Contains(t, body, `"year"`)
			require.Equal(t, 401, h.status(t, "GET", "/api/usage"))
			require.EqualValues(t, 1, h.used(t))
		},
	},
}
