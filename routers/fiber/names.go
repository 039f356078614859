package rationfiber

import (
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v3"

	"github.com/ration-go/ration/internal/routename"
)

// Routes returns the names of all routes of an app. Call it when they are registered, for
// middleware.Middleware.AddRoutes:
//
//	mw.AddRoutes(rationfiber.Routes(app)...)
//
// Caution: fiber adds the routes of a mounted app when the server starts. Before that,
// Routes does not have them. Call it in a hook of fiber.Hooks.OnListen.
func Routes(app *fiber.App) []string {
	var names []string
	for _, route := range routesOf(app) {
		names = append(names, nameOf(route))
	}
	return names
}

// routesOf returns the routes of an app in their order, without middleware. A route of
// HEAD is left out if fiber has made it, or would make it, of one of GET.
func routesOf(app *fiber.App) []fiber.Route {
	all := app.GetRoutes(true)
	gets := map[string]bool{}
	for _, route := range all {
		if route.Method == http.MethodGet && !app.Config().DisableHeadAutoRegister {
			gets[route.Path] = true
		}
	}
	var kept []fiber.Route
	for _, route := range all {
		if route.Method != http.MethodHead || !gets[route.Path] {
			kept = append(kept, route)
		}
	}
	return kept
}

func nameOf(route fiber.Route) string { return route.Method + " " + translate(route.Path) }

// rest is the name of a wildcard, which fiber gives no name.
const rest = "path..."

// translate returns the path of a route in the syntax of http.ServeMux. Constraints and
// the marks of optional parameters are left out.
func translate(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path):
			routename.WriteLiteral(&b, path[i+1])
			i += 2
		case c == '*' || c == '+':
			routename.WriteVariable(&b, rest)
			i++
		case c == ':' && i+1 < len(path):
			end := endOfName(path, i+1)
			routename.WriteVariable(&b, path[i+1:end])
			i = skipMarks(path, end)
		default:
			routename.WriteLiteral(&b, c)
			i++
		}
	}
	return b.String()
}

// endOfName returns where the name of a parameter that begins at i ends.
func endOfName(path string, i int) int {
	if n := strings.IndexAny(path[i:], `?:\/-.<*+`); n >= 0 {
		return i + n
	}
	return len(path)
}

// skipMarks returns where the constraint and the mark of an optional parameter end that
// may begin at i. A constraint may have the data of a regular expression.
func skipMarks(path string, i int) int {
	if i < len(path) && path[i] == '<' {
		for depth := 0; i < len(path); i++ {
			switch path[i] {
			case '(':
				depth++
			case ')':
				depth--
			}
			if path[i] == '>' && depth <= 0 {
				i++
				break
			}
		}
	}
	if i < len(path) && path[i] == '?' {
		i++
	}
	return i
}
