package routers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ration-go/ration/middleware"
)

// Echo returns an echo middleware that enforces plans in an echo.Echo or in one of its
// groups. The Config of mw must have Route: FromContext. Echo is for version 4 of echo,
// and Echo5 for version 5.
func Echo(mw *middleware.Middleware) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			protected := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				c.SetResponse(echo.NewResponse(w, c.Echo()))
				if err := next(c); err != nil {
					c.Error(err) // writes the status here, so that Config.Refund sees it
				}
			}))
			protected.ServeHTTP(c.Response(), withRoute(c.Request(), c.Path()))
			return nil
		}
	}
}
