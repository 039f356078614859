package fronttest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// buffers reports whether a front cannot run a case about bodies and connections.
func buffers(f *HTTPFront) bool { return f.Buffers }

// httpBodyCases are about bodies and connections.
var httpBodyCases = []httpCase{
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
}
