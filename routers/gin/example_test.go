package rationgin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/limiter"
	rationgin "github.com/ration-go/ration/routers/gin"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// A plan limits one route of a group. The name of another route is wrong, which shows at
// the start.
func Example() {
	ctx := context.Background()
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	defer r.Close()
	ration.Must(r.Plans.Create(ctx, usageplan.Plan{ID: "free", Routes: map[string]limiter.Limit{
		"GET /api/reports/{id}": limiter.MustParse("1/m burst 1"),
		"GET /orders/{id}":      limiter.MustParse("1/m burst 1"),
	}}))
	_, secret, err := r.Issue(ctx, "free", "client")
	if err != nil {
		panic(err)
	}

	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(rationgin.Middleware(r.Middleware))
	api := engine.Group("/api")
	api.GET("/reports/:id", func(c *gin.Context) { c.String(http.StatusOK, c.Param("id")) })
	api.GET("/orders/:id", func(c *gin.Context) { c.String(http.StatusOK, c.Param("id")) })

	r.Middleware.AddRoutes(rationgin.Routes(engine)...)
	for _, f := range ration.Must(r.Plans.RouteFaults(ctx)) {
		fmt.Println(f.PlanID, f.Route, f.Fault)
	}
	for _, target := range []string{"/api/reports/1", "/api/reports/2", "/api/orders/1"} {
		req, w := httptest.NewRequest(http.MethodGet, target, nil), httptest.NewRecorder()
		req.Header.Set("X-API-Key", string(secret))
		engine.ServeHTTP(w, req)
		fmt.Println(target, w.Code)
	}
	// Output:
	// free GET /orders/{id} no router has it
	// /api/reports/1 200
	// /api/reports/2 429
	// /api/orders/1 200
}
