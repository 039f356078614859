package rationfiber

import (
	"net/http"

	"github.com/gofiber/fiber/v3"
)

// Handler returns a fiber handler that serves h, such as the handler of
// middleware.Middleware.Usage. The context of the request is c.Context().
//
// The adaptor of fiber makes a RequestCtx the context instead. fasthttp uses it again for
// the next request, while a context with a timeout may still read it.
func Handler(h http.Handler) fiber.Handler {
	return func(c fiber.Ctx) error {
		r, err := newRequest(c)
		if err != nil {
			return fiber.ErrBadRequest
		}
		w := newWriter(c)
		h.ServeHTTP(w, r)
		w.flushHeader()
		return nil
	}
}
