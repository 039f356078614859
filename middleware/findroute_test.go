package middleware_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
)

// TestFindRoute checks what a router is asked for, and what becomes of its answer.
func TestFindRoute(t *testing.T) {
	var asked []string
	route := middleware.FindRoute(func(method, path string) string {
		asked = append(asked, method+" "+path)
		return map[string]string{"GET /a": "/:a", "HEAD /b": "/b", "GET /b": "/b", "GET /c%2Fd": "/:c", "GET /": "/"}[method+" "+path]
	})
	for _, c := range []struct {
		method, target, want string
		asked                []string
	}{
		{"GET", "/a", "GET /:a", []string{"GET /a"}},
		{"HEAD", "/a", "GET /:a", []string{"HEAD /a", "GET /a"}},
		{"HEAD", "/b", "HEAD /b", []string{"HEAD /b"}},
		{"POST", "/a", "", []string{"POST /a"}},
		{"HEAD", "/x", "", []string{"HEAD /x", "GET /x"}},
		{"GET", "/c%2Fd", "GET /:c", []string{"GET /c%2Fd"}},
		{"GET", "http://example.com", "GET /", []string{"GET /"}},
	} {
		asked = nil
		require.Equal(t, c.want, route(request(c.method, c.target)), c.target)
		require.Equal(t, c.asked, asked)
	}
}
