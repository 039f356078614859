package usageplan

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/internal/routename"
	"github.com/ration-go/ration/store"
)

// AnyRoute stands for every route that has no throttle of its own. AWS writes "*/*".
const AnyRoute = "*"

// maxRoute leaves room for the prefix of the bucket's name.
const maxRoute = store.MaxName - len(metername.RoutePrefix)

// Route returns the canonical name of a route, by which a plan throttles it. The name is
// the pattern of the route in the router, without a host, in the syntax of http.ServeMux:
// "GET /pets/{id}". The patterns of other routers get that syntax, too:
//
//   - "GET /pets/:id" and "GET /pets/{id:[0-9]+}" become "GET /pets/{id}".
//   - "GET /files/*path" and "GET /files/*" become "GET /files/{path...}".
//
// Route also accepts the form in which AWS names a method of an API:
//
//   - "/pets/{id}/GET" becomes "GET /pets/{id}".
//   - The root "//GET" becomes "GET /{$}".
//   - The method ANY is left out.
//   - A last segment {proxy+} becomes {proxy...}. The name in it has only letters,
//     digits, '.', '_' and '-', so that a regular expression is not taken for such a
//     variable.
//   - "*/*" becomes AnyRoute.
//
// A path without a method that ends like AWS's form is read as that form. The methods are
// those that package net/http has a name for. An extension method such as PURGE cannot be
// told from a path in AWS's form, so its throttle needs a pattern without a method.
//
// The error wraps ErrInvalid.
func Route(name string) (string, error) {
	canonical, err := route(name)
	if err != nil {
		return "", fmt.Errorf("%w route %.200q: %w", ErrInvalid, name, err)
	}
	return canonical, nil
}

// route does the work of Route. Its error is a fault that can be joined with others.
func route(name string) (canonical string, _ error) {
	method, path, ok := strings.Cut(name, " ")
	switch {
	case name == AnyRoute || name == "*/*":
		return AnyRoute, nil
	case !ok && strings.HasPrefix(name, "/"):
		method, path = splitMethod(name)
	case ok:
		path = strings.TrimLeft(path, " ")
	}
	if method == "ANY" {
		method = ""
	}

	path = routename.Of(path)
	canonical = path
	if method != "" {
		canonical = method + " " + path
	}
	switch {
	case !strings.HasPrefix(path, "/") || method != "" && !isMethod(method):
		return "", fmt.Errorf("want a form like %q", "GET /pets/{id}")
	case len(canonical) > maxRoute:
		return "", fmt.Errorf("%d bytes: want at most %d", len(canonical), maxRoute)
	}
	return canonical, text("canonical name", canonical, maxRoute)
}

// splitMethod splits AWS's form of a route, a path that ends with a method. The method is
// empty if the path does not. The path of the root is "/{$}", because "/" alone stands
// for all paths in http.ServeMux.
func splitMethod(name string) (method, path string) {
	end := strings.LastIndexByte(name, '/')
	if !isMethod(name[end+1:]) {
		return "", name
	}
	method, path = name[end+1:], name[:end]
	if path == "" || path == "/" {
		path = "/{$}"
	}
	return method, path
}

// isMethod reports whether s is a method that AWS's form of a route may end with.
func isMethod(s string) bool {
	switch s {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace, "ANY":
		return true
	}
	return false
}
