package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// route is what the middleware knows about the route of a request.
type route struct {
	// pattern is the router's pattern. It is empty if there is none or it is not known.
	pattern string

	said       bool // the pattern comes from Config.Route
	redirected bool // the mux only redirects the request to another form of its path
}

// routeOf looks up the route of r in Config.Route, then in mux. Without a mux it takes
// Request.Pattern.
// knownMux is the mux that a middleware knows, or none.
type knownMux struct {
	*http.ServeMux
	next bool // the middleware passes requests on to this very mux
}

func (m *Middleware) routeOf(r *http.Request, mux knownMux) route {
	if m.cfg.Route != nil {
		if pattern := m.cfg.Route(r); pattern != "" {
			return route{pattern: pattern, said: true}
		}
	}
	if mux.ServeMux == nil {
		return route{pattern: r.Pattern}
	}
	h, pattern := mux.Handler(r)

	// Security: a handler between may clean the path, so that the mux serves what it would
	// have redirected. Such a request must not be free.
	redirected := mux.next && reflect.TypeOf(h) == redirectType && redirects(h, r)
	return route{pattern: pattern, redirected: redirected}
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

// patterns returns the set of the patterns in list. Each must be a valid pattern of a
// ServeMux. If others is true, the patterns are those of another router, and each only
// needs a path.
func patterns(list []string, others bool) (set map[string]bool, err error) {
	var errs []error
	set = map[string]bool{}
	for _, p := range list {
		err := parsePattern(p)
		if others && strings.Contains(p, "/") {
			err = nil
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("public: %.200q: %w", p, err))
		}
		set[p] = true
	}
	return set, errors.Join(errs...)
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
