package fronttest_test

import (
	"net/http"
	"testing"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
)

// serveMux is http.ServeMux behind the middleware.
var serveMux = fronttest.HTTPFront{
	Redirects:  true,
	Heads:      true,
	Answers405: true,
	Serve: func(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
		mux := http.NewServeMux()
		for _, route := range routes {
			mux.Handle(route.Method+" "+route.Path, route.NetHTTP())
		}
		return fronttest.Listen(t, mw.Handler(mux))
	},
	Twice: func(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
		mux := http.NewServeMux()
		for _, route := range routes {
			mux.Handle(route.Method+" "+route.Path, mw.Handler(route.NetHTTP()))
		}
		return fronttest.Listen(t, mw.Handler(mux))
	},
}

func TestServeMux(t *testing.T) {
	fronttest.Run(t, serveMux.Front())
	fronttest.RunHTTP(t, serveMux)
}
