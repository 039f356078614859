package rationgin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
	rationgin "github.com/ration-go/ration/routers/gin"
)

// TestNames has random patterns and paths. Names that gin itself makes ambiguous are
// among them: it serves "/a\:b" as "/a:b".
func TestNames(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	segments := []string{"a", "b", "ab", ":id", ":x", "a:id", ":x.json", ":a:b", "x-:y", "*path", "*", `a\:b`, `\:id`, "ü", "a+b", "{id}", ":a+", ""}
	fronttest.Names(t, fronttest.NamedRouter{Segments: segments, Build: func(mw *middleware.Middleware, patterns []string, served func(string)) ([]string, func(*http.Request)) {
		engine := gin.New()
		engine.Use(rationgin.Middleware(mw))
		for _, pattern := range patterns {
			engine.GET(pattern, func(*gin.Context) { served(pattern) })
		}
		return rationgin.Routes(engine), func(r *http.Request) { engine.ServeHTTP(httptest.NewRecorder(), r) }
	}})
}
