package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/store/memory"
)

// spellings maps a target on the wire to the pattern that it counts for. An empty pattern
// means a refusal with 400. Each target is "/pets/1" to some server, or close to it.
var spellings = []struct{ method, target, pattern string }{
	{"GET", "/pets/1", "GET /pets/{id}"},
	{"HEAD", "/pets/1", "GET /pets/{id}"},
	{"POST", "/pets/1", "/"},
	{"GET", "/pets/1?a=b/../c", "GET /pets/{id}"},
	{"GET", "http://elsewhere/pets/1", "GET /pets/{id}"},
	{"GET", "http://elsewhere", "/"},
	{"GET", "/", "/"},
	// Upper and lower case, and a trailing slash.
	{"GET", "/pets/1/", "GET /pets/{id}"},
	{"GET", "/PETS/1", "GET /pets/{id}"},
	{"GET", "/%70%65ts/1", "GET /pets/{id}"},
	{"GET", "/%50ETS/%31/", "GET /pets/{id}"},
	{"GET", "/users/Me/", "GET /users/me"},
	{"GET", "/users/you", "GET /users/{name}"},
	{"GET", "/docs", "/docs/"},
	{"GET", "/docs/", "/docs/"},
	{"GET", "/docs/a/b/", "/docs/"},
	{"GET", "/list/7", "GET /list/{id}"},
	{"GET", "/list/7/", "GET /list/{id}/{$}"},
	// Dots.
	{"GET", "/x/../pets/1", ""},
	{"GET", "/x/%2e%2e/pets/1", ""},
	{"GET", "/x/%2E./pets/1", ""},
	{"GET", "/%2e/pets/1", ""},
	{"GET", "/./pets/1", ""},
	{"GET", "/pets/%2e/1", ""},
	{"GET", "/pets/1/.", ""},
	{"GET", "/pets/1/x/..", ""},
	{"GET", "/pets/%252e%252e/%2e%2e/1", ""},
	{"GET", "/x/.../pets/1", ""},
	{"GET", "/pets./1", ""},
	{"GET", "/pets%20/1", ""},
	{"GET", "/dogs./1", "/"},
	{"GET", "/pets/Acme%20Inc.", "GET /pets/{id}"},
	// Slashes.
	{"GET", "//pets/1", ""},
	{"GET", "/pets//1", ""},
	{"GET", "/pets/1//", ""},
	{"GET", "/pets%2f1", ""},
	{"GET", "/pets%2F1", ""},
	{"GET", "/%2fpets/1", ""},
	{"GET", `/pets\1`, ""},
	{"GET", "/pets%5c1", ""},
	{"GET", "/x/..%5Cpets/1", ""},
	{"GET", "/pets%c0%af1", ""},
	{"GET", "/x/%c0%ae%c0%ae/pets/1", ""},
	{"GET", "/%ff", ""},
	// Endings that some servers cut off, and double encoding.
	{"GET", "/pets;a=b/1", ""},
	{"GET", "/pets/1;a=b", ""},
	{"GET", "/x/..;/pets/1", ""},
	{"GET", "/pets%3b/1", ""},
	{"GET", "/pets%2f1%00", ""},
	{"GET", "/pets/1%00", ""},
	{"GET", "/pets%0a/1", ""},
	{"GET", "/pets/1%7f", ""},
	{"GET", "/%2570ets/1", ""},
	{"GET", "/pets%252f1", ""},
	{"GET", "/pets/100%25", "GET /pets/{id}"},
	{"GET", "/cats%3fx", ""},
	{"GET", "/cats%23x", ""},
	{"GET", "/pets/what%3f", "GET /pets/{id}"},
	{"GET", "/dogs/what%3f", "/"},
	// Methods.
	{"get", "/pets/1", ""},
	{"GeT", "/pets/1", ""},
	{"PURGE", "/pets/1", "/"},
}

var allRoutes = []string{"GET /pets/{id}", "GET /cats", "GET /users/{name}", "GET /users/me", "/docs/", "GET /list/{id}", "GET /list/{id}/{$}", "GET Example.com/hosted"}

// TestSpellings sends each spelling as it is. The request counts for the route that an
// upstream may read it as, or it is refused. An admitted request reaches the upstream as
// it was sent.
func TestSpellings(t *testing.T) {
	var pattern atomic.Value
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI)
	}))
	defer behind.Close()
	cfg := config{routes: allRoutes}
	require.NoError(t, cfg.setUpstream(behind.URL))
	pass := upstream(cfg, slog.New(slog.DiscardHandler))
	h, err := routed(cfg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pattern.Store(r.Pattern)
		pass.ServeHTTP(w, r)
	}))
	require.NoError(t, err)
	gw := httptest.NewServer(h)
	defer gw.Close()
	for _, c := range spellings {
		pattern.Store("")
		status, body := sent(t, gw.Listener.Addr().String(), c.method, c.target, "Host: a")
		assert.Equal(t, c.pattern, pattern.Load(), "%s %s", c.method, c.target)
		if c.pattern == "" {
			assert.Equal(t, 400, status, "%s %s", c.method, c.target)
			continue
		}
		target := strings.TrimPrefix(c.target, "http://elsewhere")
		if target == "" {
			target = "/"
		}
		assert.Equal(t, 200, status, "%s %s", c.method, c.target)
		if c.method != "HEAD" {
			assert.Equal(t, c.method+" "+target, body)
		}
	}
	for _, c := range []struct{ header, pattern string }{
		{"Host: example.com", "GET Example.com/hosted"},
		{"Host: EXAMPLE.COM.:80", "GET Example.com/hosted"},
		{"Host: other", "/"},
		{"Host: a\r\nX-HTTP-Method-Override: DELETE", ""},
		{"Host: a\r\nX_Http_Method: delete", ""},
		{"Host: a\r\nX-Method-Override: get", "/"},
	} {
		pattern.Store("")
		_, _ = sent(t, gw.Listener.Addr().String(), "GET", "/hosted", c.header)
		assert.Equal(t, c.pattern, pattern.Load(), c.header)
	}
}

// TestSpellingsOfOne compares the routes with servers that normalise paths, each in its
// own way. No spelling that one of them reads as a route may count for another route.
func TestSpellingsOfOne(t *testing.T) {
	h, err := routed(config{routes: []string{"GET /pets/{id}"}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Pattern", r.Pattern) }))
	require.NoError(t, err)
	pieces := []string{"pets", "/", "1", "%2f", "..", "%2e", ".", `\`, ";x", "%25", "2e", "2f", "PETS", "//", "%00", "x"}
	var try func(target string, more int)
	tried, met := 0, 0
	try = func(target string, more int) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n")))
		if err == nil {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			tried++
			if isPet(r.URL.EscapedPath()) {
				met++
				require.NotEqual(t, "/", w.Header().Get("Pattern"), target)
			}
		}
		for _, piece := range pieces {
			if more > 0 {
				try(target+piece, more-1)
			}
		}
	}
	try("/", 4)
	require.Greater(t, tried, 50_000)
	require.Greater(t, met, 100)
}

// isPet reports whether some server reads a path as "/pets/1", after decoding it up to
// two times and normalising it in any of the known ways.
func isPet(escaped string) bool {
	decode := strings.NewReplacer("%2f", "/", "%2e", ".", "%25", "%", "%00", "\x00")
	for _, p := range []string{escaped, decode.Replace(escaped), decode.Replace(decode.Replace(escaped))} {
		for n := range 16 {
			q := p
			if n&1 > 0 {
				q = strings.ReplaceAll(strings.ReplaceAll(q, "%5C", "/"), `\`, "/")
			}
			if n&2 > 0 {
				q = strings.ReplaceAll(q, ";x", "")
			}
			if n&4 > 0 {
				q, _, _ = strings.Cut(q, "\x00")
			}
			if n&8 > 0 {
				q = path.Clean("/" + q)
			}
			if strings.EqualFold(strings.TrimSuffix(q, "/"), "/pets/1") {
				return true
			}
		}
	}
	return false
}

// TestRoutesInOneCase checks that patterns are refused if they differ only in case, or if
// a mux would refuse them.
func TestRoutesInOneCase(t *testing.T) {
	for _, routes := range [][]string{{"GET /pets", "GET /Pets"}, {"/pets", "/pets"}, {"bad{"}, {"/ok", "pets"}} {
		_, err := routed(config{routes: routes}, http.NotFoundHandler())
		require.ErrorContains(t, err, "-route", routes)
	}
}

// TestWithoutRoutes checks that without a -route every path is passed on as it is.
func TestWithoutRoutes(t *testing.T) {
	h, err := routed(config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) }))
	require.NoError(t, err)
	gw := httptest.NewServer(h)
	defer gw.Close()
	for _, target := range []string{"/pets%2f1", "//pets/../1;x", "/%252e"} {
		status, body := sent(t, gw.Listener.Addr().String(), "GET", target, "Host: a")
		require.Equal(t, 200, status)
		require.Equal(t, target, body)
	}
}

// TestRefusedSpelling checks that the refusal of a spelling costs nothing, needs no key,
// and has the form of other refusals.
func TestRefusedSpelling(t *testing.T) {
	for style, want := range map[string]string{"aws": `{"message":"Bad Request"}`, "problem": `"status":400`} {
		cfg := config{routes: allRoutes, aws: style == "aws"}
		st := memory.New(memory.Config{})
		gw, err := newGateway(cfg, &stores.Opened{Backend: st}, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		w := httptest.NewRecorder()
		gw.data.ServeHTTP(w, httptest.NewRequest("GET", "/pets%2f1", nil))
		require.Equal(t, 400, w.Code)
		require.Contains(t, w.Body.String(), want)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		gw.gate.Close()
	}
}

// sent returns the answer to a request that is written to the connection as it is.
func sent(t *testing.T, address, method, target, header string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\n%s\r\nConnection: close\r\n\r\n", method, target, header)
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}
