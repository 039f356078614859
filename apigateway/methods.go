package apigateway

import (
	"maps"
	"slices"
	"strings"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// methodOf returns the name that AWS has for the method of a route: "/pets/GET" for
// "GET /pets", "//GET" for "GET /{$}", and "*/*" for usageplan.AnyRoute. AWS writes a
// greedy path variable as {proxy+}, where ServeMux has {proxy...}.
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

// hasMethod reports whether a route is the one that its method's name leads back to.
// "GET /" is not: its name is "//GET", which means "GET /{$}".
func hasMethod(route string) bool {
	back, err := usageplan.Route(methodOf(route))
	return err == nil && back == route
}

// shown reports whether an answer can express the throttle of a route. AWS has no
// unlimited throttles.
func shown(route string, l limiter.Limit) bool { return !l.Unlimited() && hasMethod(route) }

// routeOf returns the route of a method, in any of the forms that usageplan.Route
// accepts. It refuses a path without a method. Otherwise "/pets/get", which was meant to
// be "/pets/GET", would throttle a path "/pets/get" that nobody requests.
func routeOf(method string) (string, error) {
	route, err := usageplan.Route(method)
	pathAlone := strings.HasPrefix(method, "/") && strings.HasPrefix(route, "/") && !strings.HasSuffix(method, "/ANY")
	if err != nil || pathAlone || !hasMethod(route) {
		return "", badMethod(method)
	}
	return route, nil
}

// canonical returns a method in the form in which answers show it.
func canonical(method string) (string, error) {
	route, err := routeOf(method)
	return methodOf(route), err
}

// badMethod returns AWS's error for a method that it cannot read. The text is known from
// tools that check for it.
func badMethod(method string) error {
	at := strings.LastIndexByte(method, '/')
	return badRequest("Invalid method {resourcePath: %s,method: %s} specified", method[:max(at, 0)], method[at+1:])
}

// byRoute converts throttles by method to throttles by route. It refuses two names of one
// method, since it cannot know which throttle is meant. The methods are visited in order,
// so that the same request always gets the same error.
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
