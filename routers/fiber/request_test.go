package rationfiber_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	rationfiber "github.com/ration-go/ration/routers/fiber"
	"github.com/ration-go/ration/usageplan"
)

// TestStripWithoutNormalizing has an app that leaves the names of fields as clients have
// written them.
func TestStripWithoutNormalizing(t *testing.T) {
	for _, name := range []string{"X-API-Key", "x-api-key", "X-Api-Key"} {
		s := fronttest.NewService(t, usageplan.Plan{ID: "plan", Quotas: []quota.Quota{quota.MustParse("9/year")}})
		mw, err := middleware.New(s.Gate, middleware.Config{StripCredential: true})
		require.NoError(t, err)
		app := fiber.New(fiber.Config{DisableHeaderNormalizing: true})
		app.Use("*", rationfiber.Middleware(mw))
		app.Get("/seen", func(c fiber.Ctx) error { return c.SendString(fmt.Sprint(c.GetReqHeaders())) })
		h := exchangeWith(t, "tcp", "127.0.0.1:0", app)

		body := h("GET /seen HTTP/1.1\r\nHost: example.com\r\n" + name + ": " + s.Secret(fronttest.Alice) + "\r\nConnection: close\r\n\r\n")

		require.Contains(t, body, "200 OK")
		require.NotContains(t, body, s.Secret(fronttest.Alice), name)
	}
}

// TestUnixSocket has a client that cannot be overheard, although it has no TLS.
func TestUnixSocket(t *testing.T) {
	s := fronttest.NewService(t, usageplan.Plan{ID: "plan", Quotas: []quota.Quota{quota.MustParse("9/year")}})
	mw, err := middleware.New(s.Gate, middleware.Config{Insecure: middleware.Insecure{Refuse: true}})
	require.NoError(t, err)
	app := fiber.New()
	app.Use("*", rationfiber.Middleware(mw))
	app.Get("/", func(c fiber.Ctx) error { return c.SendString("here") })
	h := exchangeWith(t, "unix", filepath.Join(t.TempDir(), "socket"), app)

	body := h("GET / HTTP/1.1\r\nHost: example.com\r\nX-API-Key: " + s.Secret(fronttest.Alice) + "\r\nConnection: close\r\n\r\n")

	require.Contains(t, body, "here")
}

// TestRestart has a handler behind the middleware that sends requests to another route.
func TestRestart(t *testing.T) {
	s := fronttest.NewService(t, usageplan.Plan{ID: "plan", Routes: map[string]limiter.Limit{"GET /reports/{id}": limiter.MustParse("1/h burst 1")}})
	mw, err := middleware.New(s.Gate, middleware.Config{})
	require.NoError(t, err)
	app := fiber.New()
	app.Use("*", rationfiber.Middleware(mw))
	app.Get("/old/:id", func(c fiber.Ctx) error {
		c.Path("/reports/" + c.Params("id"))
		return c.RestartRouting()
	})
	app.Get("/reports/:id", func(c fiber.Ctx) error { return c.SendString("here") })

	for _, want := range []int{200, 429} {
		r := httptest.NewRequest(http.MethodGet, "/old/7", nil)
		r.Header.Set("X-API-Key", s.Secret(fronttest.Alice))
		resp, err := app.Test(r)
		require.NoError(t, err)
		require.Equal(t, want, resp.StatusCode)
	}
}

// TestMountedMiddleware has the middleware in an app that is mounted below another.
func TestMountedMiddleware(t *testing.T) {
	var name string
	app, sub := fiber.New(), fiber.New()
	sub.Use(rationfiber.Middleware(observing(t, &name)))
	sub.Get("/reports/:id", func(c fiber.Ctx) error { return c.SendString("here") })
	app.Use("/api", sub)

	require.Equal(t, "here", get(t, app, "/api/reports/7"))

	require.Equal(t, "GET /api/reports/{id}", name)
}

// TestForgottenConstraint has a constraint that the middleware was not told of. Without
// it, a public route would have the requests of another.
func TestForgottenConstraint(t *testing.T) {
	s := fronttest.NewService(t, usageplan.Plan{ID: "plan", Quotas: []quota.Quota{quota.MustParse("9/year")}})
	mw, err := middleware.New(s.Gate, middleware.Config{Public: []string{"GET /{n}"}})
	require.NoError(t, err)
	app := fiber.New()
	app.RegisterCustomConstraint(odd{})
	app.Use("*", rationfiber.Middleware(mw))
	app.Get("/:n<odd>", func(c fiber.Ctx) error { return c.SendString("public") })
	app.Get("/:private", func(c fiber.Ctx) error { return c.SendString("private") })

	resp, err := app.Test(httptest.NewRequest(http.MethodGet, "/4", nil))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)

	require.Equal(t, 500, resp.StatusCode, string(body))
}

// exchangeWith serves an app, and returns a function that sends a text to it and returns
// the answer.
func exchangeWith(t *testing.T, network, address string, app *fiber.App) func(string) string {
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		require.NoError(t, app.Shutdown())
		require.NoError(t, <-done)
	})
	return func(text string) string {
		conn, err := net.Dial(l.Addr().Network(), l.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, text)
		require.NoError(t, err)
		answer, err := io.ReadAll(bufio.NewReader(conn))
		require.NoError(t, err)
		return string(answer)
	}
}
