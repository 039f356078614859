// Package rationfiber puts Ration's middleware into fiber, version 3: API keys, rate
// limits and quotas for an app or a group of routes.
//
// Plans and middleware.Config.Public name routes by the method and the whole path of the
// route, groups and mounted apps included, in the syntax of http.ServeMux. A route that
// fiber has as GET "/reports/:id" is "GET /reports/{id}", and "/files/*" is
// "GET /files/{path...}". A HEAD that fiber serves by a route of GET has the name of that
// route. If several routes match a request, the first one gives the name.
//
// The functions of middleware.Config get an http.Request that is made of fiber's request
// for each call. Config.Route and Config.Mux are not needed. These things differ from
// http.ServeMux, because of fasthttp:
//
//   - The server reads the whole body of a request before the middleware sees it, unless
//     fiber.Config.StreamRequestBody is set. Then handlers miss what a function of the
//     Config has read of a body. Config.BodyTimeout has no effect. Set
//     fiber.Config.ReadTimeout and BodyLimit.
//   - Nobody notices that a client hangs up. So Config.Refund refunds by the status
//     alone.
//   - The http.Request must not be used after the function that gets it has returned.
package rationfiber

import (
	"net/http"
	"sync/atomic"

	"github.com/gofiber/fiber/v3"

	"github.com/ration-go/ration/middleware"
)

// Middleware returns a fiber middleware that enforces plans in an app or a group:
//
//	app.Use("*", rationfiber.Middleware(mw))
//
// Handlers find the decision in c.Context(): see middleware.DecisionFromContext. An error
// that a handler returns is answered at once, by the error handler of the app, so that
// middleware.Config.Refund sees its status. A middleware outside sees the answer and not
// the error. For Refund a handler that panics counts as 500.
//
// A request for which fiber has no route has no name. It needs a key and is charged if
// this middleware is that of the app. The same holds for a request that a handler of
// fiber.App.Use answers.
//
// If routes have constraints of the service's own, pass them to Middleware, too.
// Otherwise all requests are answered with 500, because such a route would give its name
// to requests that its constraint refuses.
//
// Security: do not leave out the "*". Without it, fiber 3.1 calls no middleware at all
// for a path of several slashes and nothing else. A route such as "/*" or "/:id?" would
// then serve "//" without a key. The same holds for a group whose prefix is "" or "/". To
// show the mistake, the middleware answers every request that it gets with 500 then. With
// fiber.Config.StrictRouting, fiber calls the middleware for these paths, too, and the
// "*" is not needed.
//
// Caution: fiber calls a middleware only for routes that are registered after it. A route
// that is registered before app.Use is served without a key.
func Middleware(mw *middleware.Middleware, constraints ...fiber.CustomConstraint) fiber.Handler {
	var finders atomic.Pointer[finder]
	return func(c fiber.Ctx) error {
		r, err := newRequest(c)
		if err != nil {
			return fiber.ErrBadRequest // as net/http does
		}
		find := finders.Load()
		if find == nil || !find.isFor(c.App()) {
			find = newFinder(c.App(), constraints)
			finders.Store(find)
		}
		if err := find.faultFor(c); err != nil {
			return err
		}
		w := newWriter(c)
		mw.ServeRoute(w, r, find.route(c), http.HandlerFunc(func(rec http.ResponseWriter, inner *http.Request) {
			w.flushHeader()
			hide(c, r, inner)
			c.SetContext(inner.Context())
			next(c)
			w.readHeader()
			rec.WriteHeader(c.Response().StatusCode())
		}))
		return nil
	}
}

// next calls the next handler and answers its error, as fiber does.
func next(c fiber.Ctx) {
	err := c.Next()
	if err == nil {
		return
	}
	if c.App().ErrorHandler(c, err) != nil {
		_ = c.SendStatus(fiber.StatusInternalServerError) // it never fails
	}
}
