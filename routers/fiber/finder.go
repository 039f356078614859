package rationfiber

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
)

// A finder finds the route of a request before fiber calls its handlers. In a middleware
// of an app, fiber knows only the path of the middleware itself. So the finder has an app
// of its own: it has the same configuration and routes, and handlers that only note the
// name of their route.
type finder struct {
	of     *fiber.App
	stack  [][]*fiber.Route // of the app, by methods
	handle fasthttp.RequestHandler
	pool   sync.Pool // of *fasthttp.RequestCtx
	fault  error     // the routes cannot be told apart
	strict bool      // the app tells "//" from "/"
}

// errPath answers all requests if fiber would pass the middleware by for some of them.
var errPath = fiber.NewError(fiber.StatusInternalServerError,
	`rationfiber: fiber passes by a middleware of "/" for paths such as "//": register it with app.Use("*", ...)`)

// faultFor returns an error if the request of c cannot be decided, or others could not.
func (f *finder) faultFor(c fiber.Ctx) error {
	if !f.strict && c.Route().Path == "/" {
		return errPath
	}
	return f.fault
}

// nameKey is the key of the user value in which a handler notes the name of its route.
type nameKey struct{}

// newFinder returns a finder for the routes that an app has now.
func newFinder(app *fiber.App, constraints []fiber.CustomConstraint) *finder {
	cfg := app.Config()
	cfg.UnescapePath = true // see escape
	cfg.Views, cfg.Services = nil, nil
	cfg.ErrorHandler = func(fiber.Ctx, error) error { return nil }
	twin := fiber.New(cfg)
	for _, c := range constraints {
		twin.RegisterCustomConstraint(c)
	}
	f := &finder{of: app, strict: cfg.StrictRouting}
	for _, routes := range app.Stack() {
		f.stack = append(f.stack, slices.Clone(routes))
	}
	for _, route := range routesOf(app) {
		f.fault = cmp.Or(f.fault, constraintFault(route.Path, constraints))
		name := nameOf(route)
		twin.Add([]string{route.Method}, route.Path, func(c fiber.Ctx) error {
			c.RequestCtx().SetUserValue(nameKey{}, name)
			return nil
		})
	}
	f.handle = twin.Handler()
	f.pool.New = func() any { return new(fasthttp.RequestCtx) }
	return f
}

// isFor reports whether the finder has the routes that an app has now. Routes may be
// removed while the app serves, and others added. fiber does not count these changes, so
// the routes are compared one by one. 100 routes take about 80ns, a quarter of what it
// takes to find one of them.
func (f *finder) isFor(app *fiber.App) bool {
	return f.of == app && slices.EqualFunc(f.stack, app.Stack(), slices.Equal)
}

// route returns the name of the route of c, or "" if there is none.
func (f *finder) route(c fiber.Ctx) string {
	r := f.pool.Get().(*fasthttp.RequestCtx)
	defer f.pool.Put(r)
	r.Request.Reset()
	r.Response.Reset()
	r.ResetUserValues()
	r.Request.Header.SetMethod(c.Method())
	r.Request.SetRequestURI("http://localhost" + escape(c.Path()))
	f.handle(r)
	name, _ := r.UserValue(nameKey{}).(string)
	return name
}

// escape writes a path so that an app with UnescapePath has the same path again. An
// earlier handler may have changed the path, and the app may have unescaped it before. So
// the path need not be one of a URI.
func escape(path string) string {
	i := strings.IndexFunc(path, special)
	if i < 0 {
		return path
	}
	var b strings.Builder
	b.WriteString(path[:i])
	for ; i < len(path); i++ {
		if special(rune(path[i])) {
			fmt.Fprintf(&b, "%%%02X", path[i])
		} else {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}

// special reports whether a byte of a path must be escaped.
func special(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`%+?#\`, c)
}
