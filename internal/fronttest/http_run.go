package fronttest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
)

// An httpCase is a case that only HTTP has.
type httpCase struct {
	name   string
	limits limits
	cfg    func(*middleware.Config)          // changes the Config; may be nil
	routes func(h *httpServer) []HTTPRoute   // beside the three routes; may be nil
	skip   func(f *HTTPFront) bool           // may be nil
	twice  bool                              // serves by HTTPFront.Twice
	run    func(t *testing.T, h *httpServer) // sends the requests
}

// An httpServer is the server of one case.
type httpServer struct {
	*Service
	front   *HTTPFront
	mw      *middleware.Middleware
	address string // of the server, without a scheme

	parts chan string   // what the route "/api/stream" sends
	gone  chan struct{} // is closed when the route "/api/wait" knows that its client is gone
}

// RunHTTP runs the cases that only HTTP has.
func RunHTTP(t *testing.T, f HTTPFront) {
	for _, c := range slices.Concat(httpRouteCases, httpBodyCases, httpAnswerCases) {
		t.Run(c.name, func(t *testing.T) {
			if c.skip != nil && c.skip(&f) {
				t.Skip("the server cannot do it")
			}
			s := NewService(t, c.limits.plan(names))
			cfg := middleware.Config{Route: f.Route, Public: []string{names[Health]}, Logger: s.Logger}
			if c.cfg != nil {
				c.cfg(&cfg)
			}
			h := &httpServer{Service: s, front: &f, mw: s.middleware(t, cfg), parts: make(chan string), gone: make(chan struct{})}
			routes := []HTTPRoute{s.route(Reports), s.route(Pets), s.route(Health)}
			if c.routes != nil {
				routes = append(routes, c.routes(h)...)
			}
			serve := f.Serve
			if c.twice {
				serve = f.Twice
			}
			h.address = strings.TrimPrefix(serve(t, h.mw, routes), "http://")
			c.run(t, h)
			require.NotRegexp(t, "a route that a plan limits|a pattern of Config.Public", s.Log())
			require.Equal(t, c.twice, strings.Contains(s.Log(), "twice"))
		})
	}
}

// used returns what Alice has used of the quota "year".
func (h *httpServer) used(t *testing.T) int64 { return h.Used(t, Alice, names[Pets])["year"] }

// key returns the header line with the secret of a key.
func (h *httpServer) key(name string) string { return "X-API-Key: " + h.Secret(name) }

// request is a request whose target and header go out exactly as they are.
type request struct {
	method, target string
	header         []string
	body           string
	length         int // the Content-Length; the length of the body if 0
}

// open sends a request on a connection of its own.
func (h *httpServer) open(t *testing.T, q request) net.Conn {
	h.Begin(Call{})
	conn, err := net.Dial("tcp", h.address)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n", q.method, q.target)
	for _, line := range q.header {
		fmt.Fprintf(&b, "%s\r\n", line)
	}
	if n := max(q.length, len(q.body)); n > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", n)
	}
	fmt.Fprintf(&b, "\r\n%s", q.body)
	_, err = conn.Write(b.Bytes())
	require.NoError(t, err)
	return conn
}

// read reads the header of an answer to a request by the method.
func read(t *testing.T, conn net.Conn, method string) *http.Response {
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(t, err)
	return resp
}

// do sends a request, and reads the answer.
func (h *httpServer) do(t *testing.T, q request) (resp *http.Response, body string) {
	conn := h.open(t, q)
	defer conn.Close()
	resp = read(t, conn, q.method)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(text)
}

// status sends a request without a body, and returns the status of the answer.
func (h *httpServer) status(t *testing.T, method, target string, header ...string) int {
	resp, _ := h.do(t, request{method: method, target: target, header: header})
	return resp.StatusCode
}
