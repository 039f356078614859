package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// route is what the middleware knows of a request's route.
type route struct {
	// pattern is the router's; empty if there is none or it is not known.
	pattern string

	said       bool // Config.Route has said the pattern
	redirected bool // the mux only redirects the request to another form of its path
}

func (m *Middleware) routeOf(r *http.Request, mux *http.ServeMux) route {
	if m.cfg.Route != nil {
		if pattern := m.cfg.Route(r); pattern != "" {
			return route{pattern: pattern, said: true}
		}
	}
	if mux == nil {
		return route{pattern: r.Pattern}
	}
	h, pattern := mux.Handler(r)
	return route{pattern: pattern, redirected: reflect.TypeOf(h) == redirectType && redirects(h, r)}
}

// nameOf is the canonical name, in plans, of a pattern's route: the pattern without its
// host. It is not usageplan.Route of it, which would take "/pets/GET" for AWS's name of
// another.
func nameOf(pattern string) string {
	slash := strings.IndexByte(pattern, '/')
	if slash <= 0 {
		return pattern
	}
	if i := strings.IndexByte(pattern, ' '); i == slash-1 && strings.IndexByte(pattern[:i], '\t') < 0 {
		return pattern // as nearly all are written
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

// patterns returns the set of a list of patterns. Each must be one that a ServeMux could
// have, or, if they are those of another router, have a path.
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

// parsePattern asks the only one who can, and who panics.
func parsePattern(p string) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%v", fault)
		}
	}()
	http.NewServeMux().Handle(p, http.NotFoundHandler())
	return nil
}

// isPreflight says whether r is what a browser sends to ask for leave (Fetch standard,
// CORS-preflight request).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// passesPreflight reports whether a preflight may go on without a key. The method in what
// Config.Route has said may be the request's, and the route be one for every method, so
// such a preflight needs a pattern in Public.
func (rt route) passesPreflight(mux *http.ServeMux) bool {
	return !rt.said && (strings.HasPrefix(nameOf(rt.pattern), http.MethodOptions+" ") || mux != nil && rt.pattern == "")
}
