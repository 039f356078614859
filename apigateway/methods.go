package apigateway

import (
	"maps"
	"slices"
	"strings"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// methodOf is a route as AWS names a method: "/pets/GET" for "GET /pets", "//GET" for
// "GET /{$}", "*/*" for every other.
func methodOf(route string) string {
	if route == usageplan.AnyRoute {
		return "*/*"
	}
	method, path, found := strings.Cut(route, " ")
	if !found {
		method, path = "ANY", route
	}
	if path == "/{$}" {
		path = "/"
	}
	return strings.ReplaceAll(path, "...}", "+}") + "/" + method
}

// hasMethod says whether a route is the one that its method names. "GET /" is not:
// "//GET" is "GET /{$}".
func hasMethod(route string) bool {
	back, err := usageplan.Route(methodOf(route))
	return err == nil && back == route
}

// shown says whether the wire can say that a route has a throttle.
func shown(route string, l limiter.Limit) bool { return !l.Unlimited() && hasMethod(route) }

// routeOf returns the route of a method, whichever way it is written. A path alone is
// none: "/pets/get" was meant to be "/pets/GET".
func routeOf(method string) (string, error) {
	route, err := usageplan.Route(method)
	pathAlone := strings.HasPrefix(method, "/") && strings.HasPrefix(route, "/") && !strings.HasSuffix(method, "/ANY")
	if err != nil || pathAlone || !hasMethod(route) {
		return "", badMethod(method)
	}
	return route, nil
}

// canonical is a method as it is shown.
func canonical(method string) (string, error) {
	route, err := routeOf(method)
	return methodOf(route), err
}

func badMethod(method string) error {
	at := strings.LastIndexByte(method, '/')
	return badRequest("Invalid method {resourcePath: %s,method: %s} specified", method[:max(at, 0)], method[at+1:])
}

// byRoute is throttles by method as throttles by route. Two ways to write one method are
// refused: which is meant?
func byRoute(methods map[string]throttleText) (map[string]throttleText, error) {
	if n := len(methods); n > usageplan.MaxRoutes {
		return nil, badRequest("API Stage can have throttle settings of at most %d methods", usageplan.MaxRoutes)
	}
	routes, written := map[string]throttleText{}, map[string]string{}
	for _, method := range slices.Sorted(maps.Keys(methods)) {
		route, err := routeOf(method)
		if err != nil {
			return nil, err
		}
		if other, twice := written[route]; twice {
			return nil, badRequest("Invalid methods specified: %s and %s are both %s", other, method, methodOf(route))
		}
		routes[route], written[route] = methods[method], method
	}
	return routes, nil
}
