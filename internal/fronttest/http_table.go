package fronttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// buffers reports whether a front cannot run a case about bodies and connections.
func buffers(f *HTTPFront) bool { return f.Buffers }

// httpCases is the table of the cases that only HTTP has.
var httpCases = []httpCase{
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
		name: "a stream is flushed", limits: limits{quotas: []string{"9/year"}},
		cfg: func(cfg *middleware.Config) { cfg.Refund = func(status int) bool { return status >= 500 } },
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "GET", Path: "/api/stream", Handle: func(x Exchange) error { return x.Stream(h.parts) }}}
		},
		run: func(t *testing.T, h *httpServer) {
			conn := h.open(t, request{method: "GET", target: "/api/stream", header: []string{h.key(Alice)}})
			defer conn.Close()
			go func() { h.parts <- "one" }()
			resp := read(t, conn, "GET")
			require.Equal(t, map[string]int64{"year": 8}, RemainingOf(resp.Header["Ratelimit"]))
			part := make([]byte, 3)
			_, err := io.ReadFull(resp.Body, part)
			require.NoError(t, err)
			require.Equal(t, "one", string(part), "before the handler has ended")
			h.parts <- "two"
			close(h.parts)
			rest, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, "two", string(rest))
			require.EqualValues(t, 1, h.used(t))
		},
	},
	{
		name: "Costs reads the body", limits: limits{quotas: []string{"9/year", "100 tokens/year"}},
		cfg: func(cfg *middleware.Config) {
			cfg.Costs = func(r *http.Request) usageplan.Costs {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				return usageplan.Costs{int64(len(body))}
			}
		},
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "POST", Path: "/api/echo", Handle: func(x Exchange) error {
				body, err := x.Body()
				if err != nil {
					return err
				}
				return x.Answer(http.StatusCreated, x.Method()+" "+string(body))
			}}}
		},
		run: func(t *testing.T, h *httpServer) {
			resp, body := h.do(t, request{method: "POST", target: "/api/echo", header: []string{h.key(Alice)}, body: "seven b"})
			require.Equal(t, 201, resp.StatusCode)
			require.Equal(t, "POST seven b", body)
			require.Equal(t, map[string]int64{"year": 8, "tokens/year": 93}, RemainingOf(resp.Header["Ratelimit"]))
		},
	},
	{
		name: "a refusal does not wait for the body", limits: limits{quotas: []string{"9/year"}}, skip: buffers,
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "POST", Path: "/api/echo", Handle: func(x Exchange) error { return x.Answer(200, "") }}}
		},
		run: func(t *testing.T, h *httpServer) {
			resp, _ := h.do(t, request{method: "POST", target: "/api/echo", length: 1 << 20, body: "a"})
			require.Equal(t, 401, resp.StatusCode)
			require.True(t, resp.Close)
		},
	},
	{
		name: "a client that is gone pays", limits: limits{quotas: []string{"9/year"}}, skip: buffers,
		cfg: func(cfg *middleware.Config) { cfg.Refund = func(status int) bool { return status >= 500 } },
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "GET", Path: "/api/wait", Handle: func(x Exchange) error {
				h.parts <- "begun"
				<-x.Context().Done()
				defer close(h.gone)
				return errors.New("the client is gone")
			}}}
		},
		run: func(t *testing.T, h *httpServer) {
			conn := h.open(t, request{method: "GET", target: "/api/wait", header: []string{h.key(Alice)}})
			<-h.parts
			require.NoError(t, conn.Close())
			<-h.gone
			require.EqualValues(t, 1, h.used(t))
			require.Equal(t, 200, h.status(t, "GET", targets[Pets], h.key(Alice)))
			require.EqualValues(t, 2, h.used(t))
		},
	},
	{
		name: "a connection that a handler takes over counts as 101", limits: limits{quotas: []string{"9/year"}}, skip: buffers,
		cfg: func(cfg *middleware.Config) {
			cfg.Refund = func(status int) bool { return status == http.StatusSwitchingProtocols }
		},
		routes: func(h *httpServer) []HTTPRoute {
			return []HTTPRoute{{Method: "GET", Path: "/api/socket", Handle: func(x Exchange) error {
				conn, _, err := x.(interface {
					Hijack() (net.Conn, *bufio.ReadWriter, error)
				}).Hijack()
				if err != nil {
					return err
				}
				defer conn.Close()
				_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n")
				return err
			}}}
		},
		run: func(t *testing.T, h *httpServer) {
			require.Equal(t, 101, h.status(t, "GET", "/api/socket", h.key(Alice)))
			require.Equal(t, 401, h.status(t, "GET", "/api/socket"))
			require.Eventually(t, func() bool { return h.used(t) == 0 }, 5*time.Second, time.Millisecond)
			require.Equal(t, 200, h.status(t, "GET", targets[Pets], h.key(Alice)))
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
	}, {
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
