package rationecho_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v5"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/middleware"
	rationecho "github.com/ration-go/ration/routers/echo"
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

	e := echo.New()
	e.Use(rationecho.Middleware(r.Middleware))
	e.GET("/reports/:id", func(c *echo.Context) error {
		key, _ := middleware.KeyFromContext(c.Request().Context())
		return c.String(http.StatusOK, "for "+key.Name)
	})

	for range 2 {
		req, w := httptest.NewRequest(http.MethodGet, "/reports/1", nil), httptest.NewRecorder()
		req.Header.Set("X-API-Key", string(secret))
		e.ServeHTTP(w, req)
		fmt.Println(w.Code, w.Header().Get("RateLimit-Policy"))
	}
	fmt.Println(rationecho.Routes(e))
	// Output:
	// 200 "year";q=1
	// 429 "year";q=1
	// [GET /reports/{id}]
}
