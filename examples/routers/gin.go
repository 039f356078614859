package routers

import (
	"github.com/gin-gonic/gin"

	"github.com/ration-go/ration/middleware"
)

// Gin returns a gin middleware that enforces plans in an engine or a group. The Config of
// mw must have Route: FromContext.
func Gin(mw *middleware.Middleware) gin.HandlerFunc {
	return func(c *gin.Context) {
		r := withRoute(c.Request, c.FullPath())
		res := mw.Check(r)
		if !res.Allowed() {
			res.WriteProblem(c.Writer)
			c.Abort()
			return
		}
		res.WriteHeaders(c.Writer.Header())
		c.Request = r.WithContext(res.NewContext(r))
		c.Next()
	}
}
