package rationfiber_test

import (
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
	rationfiber "github.com/ration-go/ration/routers/fiber"
)

// TestRandomNames has random patterns and paths, in apps with several settings.
func TestRandomNames(t *testing.T) {
	segments := []string{
		"a", "b", "ab", ":id", ":x", "a:id", ":x.json", ":x-:y", ":x-:y.:z", ":id?", ":id<int>", `:id<regex(^\d+$)>`, ":id<minLen(2);alpha>?",
		"*", "+", "a*", "*b", `a\:b`, `\:id`, `a\*`, "ü", "{id}", "",
	}
	for name, cfg := range map[string]fiber.Config{
		"default": {}, "strict": {StrictRouting: true, CaseSensitive: true}, "unescaping": {UnescapePath: true},
	} {
		t.Run(name, func(t *testing.T) {
			fronttest.Names(t, fronttest.NamedRouter{Heads: true, Segments: segments, Build: func(mw *middleware.Middleware, patterns []string, served func(string)) ([]string, func(*http.Request)) {
				app := fiber.New(cfg)
				app.Use("*", rationfiber.Middleware(mw))
				for _, pattern := range patterns {
					app.Get(pattern, func(fiber.Ctx) error { served(pattern); return nil })
				}
				return rationfiber.Routes(app), func(r *http.Request) {
					if _, err := app.Test(r); err != nil {
						t.Error(err)
					}
				}
			}})
		})
	}
}
