package middleware

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
)

// errUnrouted refuses a request that may be on a route of RouteScopes.
var errUnrouted = errors.New("middleware: the route is not known, so its scope is not: want Config.Mux, Route or Scope")

// scopeOf returns the scope that a request on a route needs, or "". It is small enough to
// be inlined, so that a Config without scopes costs one comparison.
func (m *Middleware) scopeOf(r *http.Request, rt *route) (string, error) {
	if !m.scoped {
		return "", nil
	}
	return m.findScope(r, rt)
}

// findScope is scopeOf for a Config that has scopes.
//
// Security: where no router is known, no request would be on a listed route. So the error
// refuses all requests, and the mistake shows at once.
func (m *Middleware) findScope(r *http.Request, rt *route) (string, error) {
	if rt.raw != "" {
		if scope, listed := m.routeScopes[rt.raw]; listed {
			return scope, nil
		}
	}
	if scope, listed := m.routeScopes[rt.pattern]; listed {
		return scope, nil
	}
	if m.cfg.Scope != nil {
		return m.cfg.Scope(r), nil
	}
	if rt.unknown && len(m.cfg.RouteScopes) > 0 {
		return "", errUnrouted
	}
	return "", nil
}

// asksForScopes reports whether requests may need a scope.
func (cfg *Config) asksForScopes() bool { return cfg.Scope != nil || len(cfg.RouteScopes) > 0 }

// namedScopes returns the scopes by the patterns as Config.RouteScopes lists them, and by
// their names. See watchedName about regular expressions.
func namedScopes(scopes map[string]string) map[string]string {
	named := maps.Clone(scopes)
	for pattern, scope := range scopes {
		named[watchedName(pattern)] = scope
	}
	return named
}

// scopeFaults returns what is wrong with RouteScopes. A public route has no key, and so
// it cannot need a scope.
func (cfg *Config) scopeFaults(public map[string]bool) (errs []error) {
	routes := slices.Sorted(maps.Keys(cfg.RouteScopes))
	if _, err := patterns("routeScopes", routes, cfg.Route != nil); err != nil {
		errs = append(errs, err)
	}
	byName := map[string]string{}
	for _, route := range routes {
		scope, name := cfg.RouteScopes[route], watchedName(route)
		if other, listed := byName[name]; listed && other != scope {
			errs = append(errs, fmt.Errorf("routeScopes: %.200q: want one scope for %q, which is listed twice", route, name))
		}
		byName[name] = scope
		if scope != "" {
			errs = append(errs, fault.In(fmt.Sprintf("routeScopes[%q]", route), apikey.CheckScope(scope)))
		}
		if public[name] && scope != "" {
			errs = append(errs, fmt.Errorf("routeScopes: %.200q: want a route that is not in public", route))
		}
	}
	return errs
}
