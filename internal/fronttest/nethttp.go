package fronttest

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Listen serves h until the end of the test, and returns the address of the server.
func Listen(t *testing.T, h http.Handler) string {
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the panics
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// A NetHTTP is the Exchange of a handler of net/http. Routers with a writer and a request
// of net/http have one, too.
type NetHTTP struct {
	http.ResponseWriter
	*http.Request
}

// RequestHeader implements Exchange.
func (x NetHTTP) RequestHeader(name string) string { return x.Request.Header.Get(name) }

// Query implements Exchange.
func (x NetHTTP) Query() string { return x.URL.RawQuery }

// Method implements Exchange.
func (x NetHTTP) Method() string { return x.Request.Method }

// Body implements Exchange.
func (x NetHTTP) Body() ([]byte, error) { return io.ReadAll(x.Request.Body) }

// SetHeader implements Exchange.
func (x NetHTTP) SetHeader(name, value string) { x.ResponseWriter.Header().Set(name, value) }

// Answer implements Exchange.
func (x NetHTTP) Answer(status int, body string) error {
	x.WriteHeader(status)
	_, err := io.WriteString(x.ResponseWriter, body)
	return err
}

// Hijack takes over the connection.
func (x NetHTTP) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(x.ResponseWriter).Hijack()
}

// Stream implements Exchange.
func (x NetHTTP) Stream(parts <-chan string) error {
	for part := range parts {
		if _, err := io.WriteString(x.ResponseWriter, part); err != nil {
			return err
		}
		if err := http.NewResponseController(x.ResponseWriter).Flush(); err != nil {
			return err
		}
	}
	return nil
}

// NetHTTP returns the handler of a route for a router of net/http. An error becomes a
// 500.
func (route *HTTPRoute) NetHTTP() http.Handler {
	if route.Handler != nil {
		return route.Handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := route.Handle(NetHTTP{w, r}); err != nil {
			http.Error(w, "failed", http.StatusInternalServerError)
		}
	})
}

// Split returns the first segment of a path, which routers take for a group, and the
// rest.
func Split(path string) (group, rest string) {
	i := strings.IndexByte(path[1:], '/') + 1
	if i == 0 {
		return "/", path[1:]
	}
	return path[:i], path[i:]
}

// Colons returns a path of http.ServeMux in the syntax of httprouter, gin and echo.
func Colons(path string) string {
	path = strings.NewReplacer("{", ":", "}", "").Replace(path)
	if before, isRest := strings.CutSuffix(path, "..."); isRest {
		i := strings.LastIndexByte(before, ':')
		return before[:i] + "*" + before[i+1:]
	}
	return path
}
