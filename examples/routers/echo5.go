package routers

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/ration-go/ration/middleware"
)

// Echo5 returns an echo middleware as Echo does, for version 5 of echo.
func Echo5(mw *middleware.Middleware) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			protected := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				c.SetResponse(echo.NewResponse(w, c.Logger()))
				if err := next(c); err != nil {
					c.Echo().HTTPErrorHandler(c, err) // now, so that Config.Refund sees the status
				}
			}))
			protected.ServeHTTP(c.Response(), withRoute(c.Request(), c.Path()))
			return nil
		}
	}
}
