package routers

import (
	"log/slog"

	"github.com/gin-gonic/gin"

	"github.com/ration-go/ration/gate"
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

// GinRefund gives the quotas back after an answer whose status refund reports. In gin it
// takes the place of Config.Refund. It stands after Gin, and before gin.Recovery.
func GinRefund(g *gate.Gate, refund func(status int) bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		ctx := c.Request.Context()
		d, ok := middleware.DecisionFromContext(ctx)
		if !ok || ctx.Err() != nil || !refund(c.Writer.Status()) { // a client that hangs up pays
			return
		}
		if err := g.Refund(ctx, d); err != nil {
			slog.Error("refund", "error", err)
		}
	}
}
