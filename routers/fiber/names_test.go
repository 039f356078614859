package rationfiber_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	rationfiber "github.com/ration-go/ration/routers/fiber"
	"github.com/ration-go/ration/store/memory"
)

// odd is a constraint of a service.
type odd struct{}

func (odd) Name() string { return "odd" }
func (odd) Execute(param string, _ ...string) bool {
	return len(param) == 1 && (param[0]-'0')%2 == 1
}

// TestNames compares the names of routes with those that requests have.
func TestNames(t *testing.T) {
	for path, c := range map[string]struct {
		name    string
		targets []string
		others  []string
	}{
		"/":                         {"GET /", []string{"/"}, []string{"/x"}},
		"/reports/:id":              {"GET /reports/{id}", []string{"/reports/7", "/reports/7/", "/REPORTS/7", "/reports/%3F", "/reports/a+b", "/reports/%00", "/reports/ü"}, []string{"/reports", "/reports/7/8"}},
		"/reports/:id?":             {"GET /reports/{id}", []string{"/reports/7", "/reports/", "/reports"}, nil},
		"/reports/:id<int>":         {"GET /reports/{id}", []string{"/reports/7"}, []string{"/reports/x"}},
		"/reports/:id<int;min(10)>": {"GET /reports/{id}", []string{"/reports/17"}, []string{"/reports/7"}},
		`/at/:day<regex(\d{4})>`:    {"GET /at/{day}", []string{"/at/2026"}, []string{"/at/x"}},
		"/odd/:n<odd>":              {"GET /odd/{n}", []string{"/odd/3"}, []string{"/odd/4"}},
		"/from/:a-:b":               {"GET /from/{a}-{b}", []string{"/from/x-y"}, nil},
		"/files/*":                  {"GET /files/{path...}", []string{"/files/a/b", "/files/"}, nil},
		"/files/+":                  {"GET /files/{path...}", []string{"/files/a/b"}, []string{"/files/"}},
		`/tasks\:cancel`:            {"GET /tasks:cancel", []string{"/tasks:cancel"}, nil},
	} {
		app := fiber.New()
		app.RegisterCustomConstraint(odd{})
		var name string
		mw := observing(t, &name)
		app.Use("*", rationfiber.Middleware(mw, odd{}))
		app.Get(path, func(c fiber.Ctx) error { return c.SendString("here") })
		require.Equal(t, []string{c.name}, rationfiber.Routes(app))
		for _, target := range c.targets {
			require.Equal(t, "here", get(t, app, target), "%s: %s", path, target)
			require.Equal(t, c.name, name, "%s: %s", path, target)
		}
		for _, target := range c.others {
			require.NotEqual(t, "here", get(t, app, target), "%s: %s", path, target)
			require.Empty(t, name, "%s: %s", path, target)
		}
	}
}

// TestLaterRoutes has a route that is registered after the first request.
func TestLaterRoutes(t *testing.T) {
	var name string
	app := fiber.New()
	app.Use("*", rationfiber.Middleware(observing(t, &name)))
	get(t, app, "/later/1")
	require.Empty(t, name)
	app.Get("/later/:id", func(c fiber.Ctx) error { return nil })
	app.RebuildTree()
	get(t, app, "/later/1")
	require.Equal(t, "GET /later/{id}", name)
}

// TestSlashes has paths for which fiber passes by a middleware that has no path.
func TestSlashes(t *testing.T) {
	for path, want := range map[string]string{"/*": "GET /{path...}", "/:id?": "GET /{id}"} {
		var name string
		app := fiber.New()
		app.Use("*", rationfiber.Middleware(observing(t, &name)))
		app.Get(path, func(c fiber.Ctx) error { return c.SendString("here") })
		for _, target := range []string{"/", "//", "///", "//?a=b"} {
			name = "unasked"
			require.Equal(t, "here", get(t, app, target))
			require.Equal(t, want, name, "%s: %s", path, target)
		}
	}
}

// TestWithoutPath has middleware that fiber would pass by. No request is served then,
// except where fiber tells "//" from "/".
func TestWithoutPath(t *testing.T) {
	for text, register := range map[string]func(*fiber.App, fiber.Handler){
		"no path":            func(app *fiber.App, mw fiber.Handler) { app.Use(mw) },
		"/":                  func(app *fiber.App, mw fiber.Handler) { app.Use("/", mw) },
		"a group":            func(app *fiber.App, mw fiber.Handler) { app.Group("", mw) },
		"an app at the root": func(app *fiber.App, mw fiber.Handler) { sub := fiber.New(); sub.Use(mw); app.Use("/", sub) },
	} {
		for strict, want := range map[bool]int{false: http.StatusInternalServerError, true: http.StatusOK} {
			var name string
			app := fiber.New(fiber.Config{StrictRouting: strict})
			register(app, rationfiber.Middleware(observing(t, &name)))
			app.Get("/*", func(c fiber.Ctx) error { return c.SendString("here") })
			resp, err := app.Test(httptest.NewRequest(http.MethodGet, "/pets", nil))
			require.NoError(t, err)
			require.Equal(t, want, resp.StatusCode, text)
			if strict {
				name = ""
				require.Equal(t, "here", get(t, app, "//"))
				require.Equal(t, "GET /{path...}", name, text)
			}
		}
	}
}

// TestReplacedRoutes has as many routes as before, and others.
func TestReplacedRoutes(t *testing.T) {
	var name string
	none := func(fiber.Ctx) error { return nil }
	app := fiber.New()
	app.Use("*", rationfiber.Middleware(observing(t, &name)))
	app.Get("/pets/:id", none)
	app.Get("/pets/x/:id", none)
	for _, step := range []struct{ remove, add, target, want string }{
		{"", "", "/pets/7", "GET /pets/{id}"},
		{"/pets/:id", "/pets/:name", "/pets/7", "GET /pets/{name}"},
		{"/pets/:name", "/:kind/:id", "/pets/7", "GET /{kind}/{id}"},
		{"/:kind/:id", "/cats/:id", "/pets/7", ""},
	} {
		if step.remove != "" {
			app.RemoveRoute(step.remove, http.MethodGet, http.MethodHead)
			app.Get(step.add, none)
			app.RebuildTree()
		}
		get(t, app, step.target)
		require.Equal(t, step.want, name)
	}
}

// TestHeadRoutes has no names of the routes that fiber makes of those of GET.
func TestHeadRoutes(t *testing.T) {
	for off, want := range map[bool][]string{false: {"GET /a", "HEAD /b"}, true: {"GET /a", "HEAD /a", "HEAD /b"}} {
		app := fiber.New(fiber.Config{DisableHeadAutoRegister: off})
		none := func(fiber.Ctx) error { return nil }
		app.Get("/a", none)
		app.Head("/a", none)
		app.Head("/b", none)
		_ = app.Handler() // fiber makes its routes
		require.ElementsMatch(t, want, rationfiber.Routes(app))
	}
}

// observing returns a Middleware that admits all requests, and tells the name of the
// route of each.
func observing(t *testing.T, name *string) *middleware.Middleware {
	st := memory.New(memory.Config{})
	keys, err := apikey.NewService(st, apikey.Config{})
	require.NoError(t, err)
	key, _, err := keys.Create(t.Context(), apikey.Key{Enabled: true})
	require.NoError(t, err)
	g, err := gate.New(st, st, st, gate.Config{InsecureAllowNoPlan: true, Observer: observer{name}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	mw, err := middleware.New(g, middleware.Config{
		Credential: func(*http.Request) (middleware.Credential, error) { return middleware.Credential{KeyID: key.ID}, nil },
	})
	require.NoError(t, err)
	return mw
}

// An observer notes the name of the route of each request.
type observer struct{ route *string }

func (o observer) Decided(_ context.Context, d gate.Decided) { *o.route = d.Request.Route }
func (o observer) Corrected(context.Context, gate.Corrected) {}

func get(t *testing.T, app *fiber.App, target string) string {
	resp, err := app.Test(httptest.NewRequest(http.MethodGet, target, nil))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}
