// Package rationecho puts Ration's middleware into echo, version 5: API keys, rate limits
// and quotas for an Echo or a group of routes. Package echo4 below it is for version 4.
//
// Plans and middleware.Config.Public name routes by the method and the whole path of the
// route, groups included, in the syntax of http.ServeMux. A route that echo has as GET
// "/reports/:id" is "GET /reports/{id}", and "/files/*" is "GET /files/{path...}". A
// route of Echo.Any has no method in its name. A HEAD that echo serves by a route of GET
// has the name of that route.
//
// Everything in middleware.Config works as with http.ServeMux. Config.Route and
// Config.Mux are not needed.
package rationecho

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/ration-go/ration/internal/routename"
	"github.com/ration-go/ration/middleware"
)

// Middleware returns an echo middleware that enforces plans in an Echo or a group:
//
//	e.Use(rationecho.Middleware(mw))
//
// Handlers find the decision in the context of c.Request(): see
// middleware.DecisionFromContext. An error that a handler returns is answered at once, by
// the error handler of the Echo, so that middleware.Config.Refund sees its status. A
// middleware outside sees the answer and not the error.
//
// A request for which echo has no route has no name. It needs a key and is charged if
// this middleware is that of the Echo.
//
// Caution: a route of a group that is registered before Group.Use is served without a
// key. Echo.Use is for all routes.
//
// Caution: Echo.Pre is too early, since echo has not looked for the route yet.
func Middleware(mw *middleware.Middleware) echo.MiddlewareFunc {
	names := &routename.Cache{Translate: routename.OfColons}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			outer := c.Response()
			defer c.SetResponse(outer)
			info := c.RouteInfo()
			mw.ServeRoute(outer, c.Request(), nameOf(names, info.Method, info.Path), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				c.SetResponse(echo.NewResponse(w, c.Logger()))
				if err := next(c); err != nil {
					c.Echo().HTTPErrorHandler(c, err)
				}
			}))
			return nil
		}
	}
}

// nameOf returns the name of a route. It returns "" for what echo has instead of a route
// if there is none.
func nameOf(names *routename.Cache, method, path string) string {
	switch {
	case method == echo.RouteAny:
		method = ""
	case strings.HasPrefix(method, "echo_") || method == "":
		return ""
	}
	return names.Of(method, path)
}

// Routes returns the names of all routes of an Echo. Call it when they are registered,
// for middleware.Middleware.AddRoutes:
//
//	mw.AddRoutes(rationecho.Routes(e)...)
func Routes(e *echo.Echo) []string {
	names := &routename.Cache{Translate: routename.OfColons}
	var list []string
	for _, route := range e.Router().Routes() {
		if name := nameOf(names, route.Method, route.Path); name != "" {
			list = append(list, name)
		}
	}
	return list
}
