package rationfiber_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gofiber/fiber/v3"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/middleware"
	rationfiber "github.com/ration-go/ration/routers/fiber"
	"github.com/ration-go/ration/store/memory"
)

func Example() {
	ctx := context.Background()
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	defer r.Close()
	ration.Must(r.Plan(ctx, "free", "unlimited", "1/year"))
	_, secret, err := r.Issue(ctx, "free", "ann")
	if err != nil {
		panic(err)
	}

	app := fiber.New()
	app.Use("*", rationfiber.Middleware(r.Middleware))
	app.Get("/reports/:id", func(c fiber.Ctx) error {
		key, _ := middleware.KeyFromContext(c.Context())
		return c.SendString("for " + key.Name)
	})

	for range 2 {
		req := httptest.NewRequest(http.MethodGet, "/reports/1", nil)
		req.Header.Set("X-API-Key", string(secret))
		resp := ration.Must(app.Test(req))
		fmt.Println(resp.StatusCode, resp.Header.Get("RateLimit-Policy"))
	}
	fmt.Println(rationfiber.Routes(app))
	// Output:
	// 200 "year";q=1
	// 429 "year";q=1
	// [GET /reports/{id}]
}
