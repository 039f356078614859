package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// patternOf is the pattern of a request's route, empty if there is none or it is not known.
func patternOf(r *http.Request, mux *http.ServeMux) string {
	if mux == nil {
		return r.Pattern
	}
	_, pattern := mux.Handler(r)
	return pattern
}

// routeOf is the canonical name, in plans, of a pattern's route: the pattern without its host. It is not usageplan.Route
// of it, which would take "/pets/GET" for AWS's name of another.
func routeOf(pattern string) string {
	slash := strings.IndexByte(pattern, '/')
	if slash <= 0 {
		return pattern
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

// patterns is the set of those, each of which a ServeMux could have.
func patterns(list []string) (set map[string]bool, err error) {
	var errs []error
	set = map[string]bool{}
	for _, p := range list {
		if err := parsePattern(p); err != nil {
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

// isPreflight says whether r is what a browser sends to ask for leave (Fetch standard, CORS-preflight request).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

func namesOptions(pattern string) bool {
	return strings.HasPrefix(routeOf(pattern), http.MethodOptions+" ")
}
