// Package rationgin puts Ration's middleware into gin: API keys, rate limits and quotas
// for an engine or a group of routes.
//
// Plans and middleware.Config.Public name routes by the method and the whole path of the
// route, groups included, in the syntax of http.ServeMux. A route that gin has as GET
// "/reports/:id" is "GET /reports/{id}", and "/files/*path" is "GET /files/{path...}".
//
// Everything in middleware.Config works as with http.ServeMux. Config.Route and
// Config.Mux are not needed.
package rationgin

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ration-go/ration/internal/routename"
	"github.com/ration-go/ration/middleware"
)

// Middleware returns a gin middleware that enforces plans in an engine or a group:
//
//	engine.Use(rationgin.Middleware(mw))
//
// Handlers find the decision in the context of c.Request: see
// middleware.DecisionFromContext. For middleware.Config.Refund a handler that panics
// counts as 500, whether gin.Recovery stands before this middleware or after it.
//
// A request for which gin has no route has no name. It needs a key and is charged if this
// middleware is that of the engine. A redirect by gin, such as that of a trailing slash,
// comes before all middleware. It needs no key and costs nothing.
//
// Caution: gin calls a middleware only for routes that are registered after it. A route
// that is registered before engine.Use is served without a key.
//
// Caution: a gin middleware that changes the status of an answer after c.Next belongs
// after this one. Otherwise Refund does not see the status that it sets.
func Middleware(mw *middleware.Middleware) gin.HandlerFunc {
	names := &routename.Cache{Translate: routename.OfColons}
	return func(c *gin.Context) {
		outer := c.Writer
		passed := false
		defer func() { c.Writer = outer }()
		mw.ServeRoute(outer, c.Request, nameOf(names, c), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			passed = true
			inner := &writer{ResponseWriter: w, status: outer.Status(), size: outer.Size()}
			c.Request, c.Writer = r, inner
			c.Next()
			inner.finish()
		}))
		if !passed {
			c.Abort()
		}
	}
}

// nameOf returns the name of the route of a request. Once gin serves, it forgets the
// backslash before a colon, as in "/tasks\:cancel". So a colon begins a variable only if
// the request has a parameter of that name.
func nameOf(names *routename.Cache, c *gin.Context) string {
	path := c.FullPath()
	if path == "" || strings.Count(path, ":")+strings.Count(path, "*") == len(c.Params) {
		return names.Of(c.Request.Method, path)
	}
	return c.Request.Method + " " + routename.OfColons(escape(path, c.Params))
}

// escape writes a backslash before the colons of a path that begin none of the
// parameters, which have the order of the path.
func escape(path string, params gin.Params) string {
	var b strings.Builder
	for i := range len(path) {
		if path[i] == ':' {
			name, _, _ := strings.Cut(path[i+1:], "/")
			if len(params) > 0 && params[0].Key == name {
				params = params[1:]
			} else {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// Routes returns the names of all routes of an engine. Call it when they are registered,
// for middleware.Middleware.AddRoutes:
//
//	mw.AddRoutes(rationgin.Routes(engine)...)
//
// Call it before the engine serves. Afterwards gin does not tell "/tasks\:cancel" from
// "/tasks:cancel", which has a variable.
func Routes(engine *gin.Engine) []string {
	var names []string
	for _, route := range engine.Routes() {
		names = append(names, route.Method+" "+routename.OfColons(route.Path))
	}
	return names
}
