package rationgin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	rationgin "github.com/ration-go/ration/routers/gin"
	"github.com/ration-go/ration/usageplan"
)

// TestHandleContext has a handler that sends requests to another route of the engine. gin
// then answers past the writer of the first route.
func TestHandleContext(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	s := fronttest.NewService(t, usageplan.Plan{
		ID: "plan", Quotas: []quota.Quota{quota.MustParse("9/year")},
		Routes: map[string]limiter.Limit{"GET /new/{id}": limiter.MustParse("2/h burst 2")},
	})
	mw, err := middleware.New(s.Gate, middleware.Config{Refund: func(status int) bool { return status >= 500 }})
	require.NoError(t, err)
	engine := gin.New()
	engine.Use(rationgin.Middleware(mw))
	engine.GET("/old/:id", func(c *gin.Context) {
		c.Request.URL.Path = "/new/" + c.Param("id")
		engine.HandleContext(c)
	})
	engine.GET("/new/:id", func(c *gin.Context) {
		if c.Param("id") == "bad" {
			c.String(http.StatusInternalServerError, "failed")
			return
		}
		c.String(http.StatusOK, "here")
	})
	do := func(target string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("X-API-Key", s.Secret(fronttest.Alice))
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, r)
		return w
	}
	require.Equal(t, 500, do("/old/bad").Code)
	require.Zero(t, s.Used(t, fronttest.Alice, "")["year"], "both routes are refunded")

	require.Equal(t, "here", do("/old/7").Body.String())
	require.EqualValues(t, 2, s.Used(t, fronttest.Alice, "")["year"], "both routes are charged")
}
