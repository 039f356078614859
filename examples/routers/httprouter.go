package routers

import (
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/ration-go/ration/middleware"
)

// HTTPRouter registers a route in a router of httprouter, behind the middleware.
func HTTPRouter(router *httprouter.Router, mw *middleware.Middleware, method, path string, h http.Handler) {
	mw.AddRoutes(method + " " + path)
	router.Handler(method, path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mw.ServeRoute(w, r, method+" "+path, h)
	}))
}
