package rationecho4_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
	rationecho4 "github.com/ration-go/ration/routers/echo/echo4"
)

// TestNames has random patterns and paths.
func TestNames(t *testing.T) {
	segments := []string{"a", "b", "ab", ":id", ":x", "a:id", ":x.json", ":a:b", "x-:y", "*", "a*", `a\:b`, `\:id`, "ü", "a+b", "{id}", ":a+", ""}
	fronttest.Names(t, fronttest.NamedRouter{Segments: segments, Build: func(mw *middleware.Middleware, patterns []string, served func(string)) ([]string, func(*http.Request)) {
		e := newEcho()
		e.Use(rationecho4.Middleware(mw))
		for _, pattern := range patterns {
			e.GET(pattern, func(echo.Context) error { served(pattern); return nil })
		}
		return rationecho4.Routes(e), func(r *http.Request) {
			defer func() { _ = recover() }() // the router of echo 4 panics on some patterns
			e.ServeHTTP(httptest.NewRecorder(), r)
		}
	}})
}
