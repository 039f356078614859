package routename_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/routename"
)

func TestOf(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                                 "",
		"*":                                "*",
		"GET /":                            "GET /",
		"GET /reports/{id}":                "GET /reports/{id}",
		"GET /reports/:id":                 "GET /reports/{id}",
		"/reports/:id/rows/:row":           "/reports/{id}/rows/{row}",
		"GET /files/*path":                 "GET /files/{path...}",
		"GET /files/*":                     "GET /files/{path...}",
		"GET /files/{path...}":             "GET /files/{path...}",
		"GET /a/*/b":                       "GET /a/*/b",
		"GET /pets/{n:[0-9]+}":             "GET /pets/{n}",
		"GET /pets/{n:[0-9]{2}}/x":         "GET /pets/{n}/x",
		"GET /pets/{n:a/b}/x":              "GET /pets/{n}/x",
		"GET /{year:[0-9]+}-{month:[0-9]}": "GET /{year}-{month}",
		"POST /tasks:cancel":               "POST /tasks:cancel",
		"POST /tasks/{id}:cancel":          "POST /tasks/{id}:cancel",
		"GET /a/:":                         "GET /a/:",
		"GET /a/{b:c":                      "GET /a/{b:c",
		"GET /docs/:id/":                   "GET /docs/{id}/",
		"GET example.com/:id":              "GET example.com/{id}",
		"GET /x/{$}":                       "GET /x/{$}",
		"/acme.v1.Reports/Get":             "/acme.v1.Reports/Get",
		"GET /files/{proxy+}":              "GET /files/{proxy...}",
		"GET /files/{proxy+}/x":            "GET /files/{proxy+}/x",
		"GET /files/x{proxy+}":             "GET /files/x{proxy+}",
		"GET /{a+:[0-9]}":                  "GET /{a...}",
		"GET /:a+":                         "GET /{a}",
		"GET /:a:b/x":                      "GET /{a}/x",
		"GET /*a:b":                        "GET /{a...}",
		"GET /*:":                          "GET /{path...}",
		"GET /::":                          "GET /::",
		"GET /:+":                          "GET /:+",
		"GET /{:}":                         "GET /{}",
	} {
		require.Equal(t, want, routename.Of(pattern), pattern)
		require.Equal(t, want, routename.Of(want), "the name of a name")
	}
}

func TestOfColons(t *testing.T) {
	for path, want := range map[string]string{
		"/":                    "/",
		"/reports/:id":         "/reports/{id}",
		"/reports/:id/":        "/reports/{id}/",
		"/reports/:id/:row":    "/reports/{id}/{row}",
		"/files/*path":         "/files/{path...}",
		"/files/*":             "/files/{path...}",
		"/files*":              "/files{path...}",
		"/cmd_:name":           "/cmd_{name}",
		`/tasks\:cancel`:       "/tasks:cancel",
		`/tasks/:id/x\:cancel`: "/tasks/{id}/x:cancel",
		"/a/:":                 "/a/%3A",
		"/a/::":                "/a/%3A:",
		`/\:id`:                "/%3Aid",
		`/v1/\:batch/x`:        "/v1/%3Abatch/x",
		"/{id}":                "/%7Bid%7D",
		"/:a{b}":               "/{a_b_}",
		"/a/:b:c":              "/a/{b}",
		"/a/:b+":               "/a/{b}",
		"/a/*b:c":              "/a/{b...}",
	} {
		require.Equal(t, want, routename.OfColons(path), path)
	}
}

// FuzzOf checks that the name of a name is the name itself: plans keep names, and
// requests are looked up by them.
func FuzzOf(f *testing.F) {
	for _, seed := range []string{"GET /:id/{n:[0-9]+}/*", "/{:}", "/:a:b", "/:a+", "/*a:b", "/{a+:x}", "}{/{+}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		name := routename.Of(pattern)
		require.Equal(t, name, routename.Of(name), "of %q", pattern)
	})
}

// FuzzOfColons checks that a plan can name each route of such a router.
func FuzzOfColons(f *testing.F) {
	for _, seed := range []string{"/:id/x_:y/*", "/::", "/:a:b", "/:a+", "/*a:b", "/a:+", `/\:id`, "/{a+}", "/:a{b", `/a\:b\*`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if !strings.HasPrefix(path, "/") {
			return
		}
		name := routename.OfColons(path)
		require.Equal(t, name, routename.Of(name), "of %q", path)
	})
}

func TestCache(t *testing.T) {
	calls := 0
	c := routename.Cache{Translate: func(path string) string { calls++; return routename.OfColons(path) }}
	for range 2 {
		require.Equal(t, "GET /reports/{id}", c.Of("GET", "/reports/:id"))
		require.Equal(t, "POST /reports/{id}", c.Of("POST", "/reports/:id"))
		require.Equal(t, "/reports/{id}", c.Of("", "/reports/:id"))
		require.Empty(t, c.Of("GET", ""))
	}
	require.Equal(t, 1, calls)
}
