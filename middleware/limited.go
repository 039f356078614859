package middleware

import (
	"context"

	"github.com/ration-go/ration/limiter"
)

// limited is the context of a request that a limiter has let pass, by which the same
// limiter knows the request again.
type limited struct {
	context.Context
	limiter     *limiter.Limiter
	key, target string
}

// limiterKey is the key of a context by which a limiter asks for its own limited. A
// pointer as the key costs no memory.
type limiterKey limiter.Limiter

func (c *limited) Value(key any) any {
	if k, ok := key.(*limiterKey); ok && (*limiter.Limiter)(k) == c.limiter {
		return c
	}
	return c.Context.Value(key)
}

// before reports whether the limiter has let the same request pass before by the same
// key, which c remembers.
func (c *limited) before(key string) bool {
	c.key = key
	if c.target == "" { // a request that a handler made: see decider
		return false
	}
	for ctx := c.Context; ; {
		outer, _ := ctx.Value((*limiterKey)(c.limiter)).(*limited)
		switch {
		case outer == nil:
			return false
		case outer.key == key && outer.target == c.target:
			return true
		}
		ctx = outer.Context
	}
}
