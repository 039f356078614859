// Package rationecho4 puts Ration's middleware into echo, version 4: API keys, rate
// limits and quotas for an Echo or a group of routes. Package rationecho is for version
// 5.
//
// Plans and middleware.Config.Public name routes by the method and the whole path of the
// route, groups included, in the syntax of http.ServeMux. A route that echo has as GET
// "/reports/:id" is "GET /reports/{id}", and "/files/*" is "GET /files/{path...}".
//
// Everything in middleware.Config works as with http.ServeMux. Config.Route and
// Config.Mux are not needed.
package rationecho4

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/ration-go/ration/internal/routename"
	"github.com/ration-go/ration/middleware"
)

// Middleware returns an echo middleware that enforces plans in an Echo or a group:
//
//	e.Use(rationecho4.Middleware(mw))
//
// Handlers find the decision in the context of c.Request(): see
// middleware.DecisionFromContext. An error that a handler returns is answered at once, by
// the error handler of the Echo, so that middleware.Config.Refund sees its status. A
// middleware outside sees the answer and not the error.
//
// A request for which echo has no route needs a key and is charged if this middleware is
// that of the Echo.
//
// Caution: a route of a group that is registered before Group.Use is served without a
// key. Echo.Use is for all routes.
//
// Caution: Echo.Pre is too early, since echo has not looked for the route yet.
func Middleware(mw *middleware.Middleware) echo.MiddlewareFunc {
	names := &routename.Cache{Translate: routename.OfColons}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			outer := c.Response()
			defer c.SetResponse(outer)
			mw.ServeRoute(outer, c.Request(), names.Of(c.Request().Method, c.Path()), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				c.SetResponse(echo.NewResponse(w, c.Echo()))
				if err := next(c); err != nil {
					c.Error(err)
				}
			}))
			return nil
		}
	}
}

// Routes returns the names of all routes of an Echo. Call it when they are registered,
// for middleware.Middleware.AddRoutes:
//
//	mw.AddRoutes(rationecho4.Routes(e)...)
func Routes(e *echo.Echo) []string {
	var names []string
	for _, route := range e.Routes() {
		if route.Method != echo.RouteNotFound {
			names = append(names, route.Method+" "+routename.OfColons(route.Path))
		}
	}
	return names
}
