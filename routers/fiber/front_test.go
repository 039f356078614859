package rationfiber_test

import (
	"bufio"
	"context"
	"net"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
	rationfiber "github.com/ration-go/ration/routers/fiber"
)

// front returns a front. set sets up an app with the routes behind the middleware.
func front(cfg fiber.Config, set func(app *fiber.App, mw fiber.Handler, routes []fronttest.HTTPRoute)) fronttest.HTTPFront {
	serve := func(set func(app *fiber.App, mw fiber.Handler, routes []fronttest.HTTPRoute)) func(*testing.T, *middleware.Middleware, []fronttest.HTTPRoute) string {
		return func(t *testing.T, mw *middleware.Middleware, routes []fronttest.HTTPRoute) string {
			app := fiber.New(cfg)
			app.Use(recover.New())
			set(app, rationfiber.Middleware(mw), routes)
			app.Hooks().OnListen(func(fiber.ListenData) error {
				mw.AddRoutes(rationfiber.Routes(app)...)
				return nil
			})
			return listen(t, app)
		}
	}
	return fronttest.HTTPFront{Ignores: true, Heads: true, Buffers: true, Answers405: true, Serve: serve(set), Twice: serve(twice)}
}

// listen serves an app until the end of the test, and returns its address.
func listen(t *testing.T, app *fiber.App) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ready := make(chan struct{})
	app.Hooks().OnListen(func(fiber.ListenData) error { close(ready); return nil })
	done := make(chan error, 1)
	go func() { done <- app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		require.NoError(t, app.ShutdownWithContext(context.Background()))
		require.NoError(t, <-done)
	})
	<-ready
	return "http://" + l.Addr().String()
}

// whole has the middleware in the app.
func whole(app *fiber.App, mw fiber.Handler, routes []fronttest.HTTPRoute) {
	app.Use("*", mw)
	register(func(prefix string) fiber.Router { return app.Group(prefix) }, routes)
}

// inGroups has the middleware in each group and not in the app.
func inGroups(app *fiber.App, mw fiber.Handler, routes []fronttest.HTTPRoute) {
	register(func(prefix string) fiber.Router { return app.Group(prefix, mw) }, routes)
}

// twice has the middleware in the app and in each group.
func twice(app *fiber.App, mw fiber.Handler, routes []fronttest.HTTPRoute) {
	app.Use("*", mw)
	inGroups(app, mw, routes)
}

// mounted has an app for each group, below an app with the middleware.
func mounted(app *fiber.App, mw fiber.Handler, routes []fronttest.HTTPRoute) {
	app.Use("*", mw)
	register(func(prefix string) fiber.Router {
		sub := fiber.New()
		app.Use(prefix, sub)
		return sub
	}, routes)
}

func register(group func(prefix string) fiber.Router, routes []fronttest.HTTPRoute) {
	groups := map[string]fiber.Router{}
	for _, route := range routes {
		prefix, rest := fronttest.Split(route.Path)
		if groups[prefix] == nil {
			groups[prefix] = group(prefix)
		}
		handle := handler(route.Handle)
		if route.Handler != nil {
			handle = rationfiber.Handler(route.Handler)
		}
		groups[prefix].Add([]string{route.Method}, fronttest.Colons(rest), handle)
	}
}

func handler(handle fronttest.Handle) fiber.Handler {
	return func(c fiber.Ctx) error { return handle(exchange{c}) }
}

// An exchange answers in the way of fiber.
type exchange struct{ c fiber.Ctx }

func (x exchange) Context() context.Context         { return x.c.Context() }
func (x exchange) RequestHeader(name string) string { return x.c.Get(name) }
func (x exchange) Query() string                    { return string(x.c.Request().URI().QueryString()) }
func (x exchange) Method() string                   { return x.c.Method() }
func (x exchange) Body() ([]byte, error)            { return x.c.Body(), nil }
func (x exchange) SetHeader(name, value string)     { x.c.Set(name, value) }

func (x exchange) Answer(status int, body string) error {
	if body == "" {
		x.c.Status(status)
		return nil
	}
	return x.c.Status(status).SendString(body)
}

func (x exchange) Stream(parts <-chan string) error {
	return x.c.SendStreamWriter(func(w *bufio.Writer) {
		for part := range parts {
			_, _ = w.WriteString(part)
			_ = w.Flush()
		}
	})
}

func TestFront(t *testing.T) {
	for name, f := range map[string]fronttest.HTTPFront{
		"whole":   front(fiber.Config{}, whole),
		"groups":  front(fiber.Config{}, inGroups),
		"mounted": front(fiber.Config{}, mounted),
		"strict":  front(fiber.Config{CaseSensitive: true, UnescapePath: true, Immutable: true}, whole),
	} {
		t.Run(name, func(t *testing.T) {
			fronttest.Run(t, f.Front())
			fronttest.RunHTTP(t, f)
		})
	}
}
