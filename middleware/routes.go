package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/ration-go/ration/internal/routename"
)

// route is what the middleware knows about the route of a request.
type route struct {
	// pattern is the router's pattern, in the syntax of http.ServeMux. It is empty if there
	// is none or it is not known.
	pattern string

	raw        string // the pattern as Config.Route wrote it, if that is another
	said       bool   // the pattern comes from Config.Route or from ServeRoute
	redirected bool   // the mux only redirects the request to another form of its path
	unknown    bool   // nothing could tell the pattern
}

// knownMux is the mux that a middleware knows, or none.
type knownMux struct {
	*http.ServeMux
	next bool // the middleware passes requests on to this very mux

	named bool   // the caller of ServeRoute knows the route
	route string // its pattern, if named
}

// A routeKey is the context key of the route that ServeRoute was given. It is the
// Middleware's address, since each has routes of its own.
type routeKey Middleware

// keepRoute returns a context with the route of ServeRoute, for ChargeMore. Handler pays
// nothing for it.
func (m *Middleware) keepRoute(ctx context.Context, mux *knownMux) context.Context {
	if !mux.named {
		return ctx
	}
	return context.WithValue(ctx, (*routeKey)(m), mux.route)
}

// muxOf returns what is known of the route of a request that was admitted.
func (m *Middleware) muxOf(r *http.Request) knownMux {
	if route, given := r.Context().Value((*routeKey)(m)).(string); given {
		return knownMux{named: true, route: route}
	}
	return knownMux{ServeMux: m.cfg.Mux}
}

// routeOf looks up the route of r in Config.Route, then takes that of ServeRoute, then
// looks in mux. Without a mux it takes Request.Pattern.
func (m *Middleware) routeOf(r *http.Request, mux knownMux) route {
	if m.cfg.Route != nil {
		if raw := m.cfg.Route(r); raw != "" {
			return route{pattern: routename.Of(raw), raw: raw, said: true}
		}
	}
	if mux.named {
		return route{pattern: mux.route, said: mux.route != ""}
	}
	if mux.ServeMux == nil {
		return route{pattern: r.Pattern, unknown: r.Pattern == "" && m.cfg.Route == nil}
	}
	h, pattern := mux.Handler(r)

	// Security: a handler between may clean the path, so that the mux serves what it would
	// have redirected. Such a request must not be free.
	redirected := mux.next && reflect.TypeOf(h) == redirectType && redirects(h, r)
	return route{pattern: pattern, redirected: redirected}
}

// shown returns the pattern for the watch of routes. A pattern with a regular expression
// stays as it is, since it does not match all requests that its name matches.
func (rt *route) shown() string {
	if rt.raw != "" {
		return watchedName(rt.raw)
	}
	return rt.pattern
}

// isPublic reports whether Config.Public lists a route.
func (m *Middleware) isPublic(rt *route) bool {
	return m.public[rt.pattern] || rt.raw != "" && m.public[rt.raw]
}

// nameOf returns the name by which plans know the route of a pattern: the pattern without
// its host. It differs from usageplan.Route, which would read "/pets/GET" as AWS's name
// of another route.
func nameOf(pattern string) string {
	slash := strings.IndexByte(pattern, '/')
	if slash <= 0 {
		return pattern
	}
	if i := strings.IndexByte(pattern, ' '); i == slash-1 && strings.IndexByte(pattern[:i], '\t') < 0 {
		return pattern // the usual form
	}
	blank := strings.IndexAny(pattern[:slash], " \t")
	switch {
	case blank < 0: // a host
		return pattern[slash:]
	case blank == slash-1 && pattern[blank] == ' ': // a method
		return pattern
	}
	return pattern[:blank] + " " + pattern[slash:]
}

// patterns returns the set of the patterns in a list of the Config, as they are and by
// their names. Each must be a valid pattern of a ServeMux. If others is true, the
// patterns are those of another router, and each only needs a path.
func patterns(field string, list []string, others bool) (set map[string]bool, err error) {
	var errs []error
	set = map[string]bool{}
	for _, p := range list {
		err := parsePattern(p)
		if others && strings.Contains(p, "/") {
			err = nil
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %.200q: %w", field, p, err))
		}
		set[p], set[watchedName(p)] = true, true
	}
	return set, errors.Join(errs...)
}

// watchedName returns the name of a pattern of Config.Public or Config.Route.
//
// Security: a pattern with a regular expression stays as it is, because other patterns
// have the same name.
func watchedName(pattern string) string {
	name := routename.Of(pattern)
	if strings.Contains(pattern, "{") && name != pattern {
		return pattern
	}
	return name
}

// parsePattern validates p by registering it on a ServeMux of its own, which panics on a
// bad pattern.
func parsePattern(p string) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%v", fault)
		}
	}()
	http.NewServeMux().Handle(p, http.NotFoundHandler())
	return nil
}

// isPreflight reports whether r looks like a CORS preflight (Fetch standard,
// CORS-preflight request).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// passesPreflight reports whether a preflight may go on without a key.
//
// Security: Config.Route may write the request's own method before a pattern that serves
// every method. So a preflight whose route Config.Route has named is not passed on here.
// It needs a pattern in Public.
func (rt route) passesPreflight(mux knownMux) bool {
	return !rt.said && (strings.HasPrefix(nameOf(rt.pattern), http.MethodOptions+" ") || mux.ServeMux != nil && rt.pattern == "")
}
