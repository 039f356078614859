package middleware

import (
	"context"
	"net/http"

	"github.com/ration-go/ration/limiter"
)

// limited is the context of a request that a limiter has admitted. By it the same limiter
// recognizes the request.
type limited struct {
	context.Context
	limiter *limiter.Limiter
	key     string
	target  target
}

// limiterKey is the context key by which a limiter asks for its own limited. Its pointer
// is the key, since a pointer in an interface needs no allocation.
type limiterKey limiter.Limiter

func (c *limited) Value(key any) any {
	if k, ok := key.(*limiterKey); ok && (*limiter.Limiter)(k) == c.limiter {
		return c
	}
	return c.Context.Value(key)
}

// before reports whether the limiter has admitted the same request before under the same
// key. It stores the key in c.
func (c *limited) before(key string, r *http.Request) bool {
	c.key = key
	if c.target.request.RequestURI == "" { // made by a handler: see target
		return false
	}
	for ctx := c.Context; ; {
		outer, _ := ctx.Value((*limiterKey)(c.limiter)).(*limited)
		switch {
		case outer == nil:
			return false
		case outer.key == key && outer.target.includes(r):
			return true
		}
		ctx = outer.Context
	}
}
