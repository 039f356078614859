package rationgin_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
	rationgin "github.com/ration-go/ration/routers/gin"
)

// serve returns a front with the middleware in the engine. recovery says where
// gin.Recovery stands: before the middleware, after it, or nowhere.
func serve(recovery string) fronttest.HTTPFront {
	return fronttest.HTTPFront{
		Redirects:  true,
		Answers405: true,
		Twice:      twice,
		Serve: func(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
			engine := gin.New()
			engine.HandleMethodNotAllowed = true
			quiet := gin.RecoveryWithWriter(io.Discard)
			if recovery == "before" {
				engine.Use(quiet)
			}
			engine.Use(rationgin.Middleware(mw))
			if recovery == "after" {
				engine.Use(quiet)
			}
			register(engine, routes)
			mw.AddRoutes(rationgin.Routes(engine)...)
			return fronttest.Listen(t, engine)
		},
	}
}

// inGroups has the middleware in each group and not in the engine.
var inGroups = fronttest.HTTPFront{
	Redirects: true,
	Serve: func(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
		engine := gin.New()
		register(engine, routes, rationgin.Middleware(mw))
		mw.AddRoutes(rationgin.Routes(engine)...)
		return fronttest.Listen(t, engine)
	},
}

// twice has the middleware in the engine and in each group.
func twice(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
	engine := gin.New()
	engine.Use(rationgin.Middleware(mw))
	register(engine, routes, rationgin.Middleware(mw))
	return fronttest.Listen(t, engine)
}

// register registers routes in groups, each with the given middleware.
func register(engine *gin.Engine, routes []fronttest.HTTPRoute, use ...gin.HandlerFunc) {
	groups := map[string]*gin.RouterGroup{}
	for _, route := range routes {
		prefix, rest := fronttest.Split(route.Path)
		if groups[prefix] == nil {
			groups[prefix] = engine.Group(prefix, use...)
		}
		handle := handler(route.Handle)
		if route.Handler != nil {
			handle = gin.WrapH(route.Handler)
		}
		groups[prefix].Handle(route.Method, fronttest.Colons(rest), handle)
	}
}

func handler(handle fronttest.Handle) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := handle(exchange{fronttest.NetHTTP{ResponseWriter: c.Writer, Request: c.Request}, c}); err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
		}
	}
}

// An exchange answers in the way of gin.
type exchange struct {
	fronttest.NetHTTP
	c *gin.Context
}

func (x exchange) SetHeader(name, value string) { x.c.Header(name, value) }

func (x exchange) Answer(status int, body string) error {
	if body == "" {
		x.c.Status(status)
		return nil
	}
	x.c.Data(status, "text/plain", []byte(body))
	return nil
}

func TestFront(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	for name, front := range map[string]fronttest.HTTPFront{
		"no recovery": serve(""), "recovery before": serve("before"), "recovery after": serve("after"), "groups": inGroups,
	} {
		t.Run(name, func(t *testing.T) {
			fronttest.Run(t, front.Front())
			fronttest.RunHTTP(t, front)
		})
	}
}
