package rationecho_test

import (
	"log/slog"
	"testing"

	"github.com/labstack/echo/v5"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
	rationecho "github.com/ration-go/ration/routers/echo"
)

// whole has the middleware in the Echo.
var whole = fronttest.HTTPFront{
	Answers405: true,
	Twice:      twice,
	Serve: func(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
		e := newEcho()
		e.Use(rationecho.Middleware(mw))
		register(e, routes)
		mw.AddRoutes(rationecho.Routes(e)...)
		return fronttest.Listen(t, e)
	},
}

// inGroups has the middleware in each group and not in the Echo.
var inGroups = fronttest.HTTPFront{
	Serve: func(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
		e := newEcho()
		register(e, routes, rationecho.Middleware(mw))
		mw.AddRoutes(rationecho.Routes(e)...)
		return fronttest.Listen(t, e)
	},
}

// heads serves HEAD by the routes of GET.
var heads = fronttest.HTTPFront{
	Heads: true, Answers405: true,
	Serve: func(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
		e := echo.NewWithConfig(echo.Config{
			Logger: slog.New(slog.DiscardHandler),
			Router: echo.NewRouter(echo.RouterConfig{AutoHandleHEAD: true}),
		})
		e.Use(rationecho.Middleware(mw))
		register(e, routes)
		mw.AddRoutes(rationecho.Routes(e)...)
		return fronttest.Listen(t, e)
	},
}

// twice has the middleware in the Echo and in each group.
func twice(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
	e := newEcho()
	e.Use(rationecho.Middleware(mw))
	register(e, routes, rationecho.Middleware(mw))
	return fronttest.Listen(t, e)
}

func newEcho() *echo.Echo {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler)
	return e
}

// register registers routes in groups, each with the given middleware.
func register(e *echo.Echo, routes []fronttest.HTTPRoute, use ...echo.MiddlewareFunc) {
	groups := map[string]*echo.Group{}
	for _, route := range routes {
		prefix, rest := fronttest.Split(route.Path)
		if groups[prefix] == nil {
			groups[prefix] = e.Group(prefix, use...)
		}
		handle := handler(route.Handle)
		if route.Handler != nil {
			handle = echo.WrapHandler(route.Handler)
		}
		groups[prefix].Add(route.Method, fronttest.Colons(rest), handle)
	}
}

func handler(handle fronttest.Handle) echo.HandlerFunc {
	return func(c *echo.Context) error {
		return handle(exchange{fronttest.NetHTTP{ResponseWriter: c.Response(), Request: c.Request()}, c})
	}
}

// An exchange answers in the way of echo.
type exchange struct {
	fronttest.NetHTTP
	c *echo.Context
}

func (x exchange) Answer(status int, body string) error {
	if body == "" {
		return x.c.NoContent(status)
	}
	return x.c.String(status, body)
}

func TestFront(t *testing.T) {
	for name, front := range map[string]fronttest.HTTPFront{"whole": whole, "groups": inGroups, "heads": heads} {
		t.Run(name, func(t *testing.T) {
			fronttest.Run(t, front.Front())
			fronttest.RunHTTP(t, front)
		})
	}
}
