package usageplan

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/ration-go/ration/store"
)

// AnyRoute is the name of every route that has no throttle of its own. AWS writes it "*/*".
const AnyRoute = "*"

// maxRoute leaves room for the prefix of the bucket's name.
const maxRoute = store.MaxName - len(routePrefix)

// Route is the canonical name of a route: the pattern that http.ServeMux knows it by, "GET /pets/{id}", without a host. It
// accepts that, and the form in which AWS names a method of an API, "/pets/{id}/GET", where the root is "//GET", which
// becomes "GET /{$}", {proxy+} is {proxy...}, ANY is no method, and "*/*" is AnyRoute. A path without a method that ends like
// AWS's form is read as that. Methods are those that package net/http has a name for: an extension method, such as PURGE,
// cannot be told from a path in AWS's form, and a throttle of its own needs a pattern without a method. The error wraps
// ErrInvalid.
func Route(name string) (string, error) {
	canonical, err := route(name)
	if err != nil {
		return "", fmt.Errorf("%w route %.200q: %w", ErrInvalid, name, err)
	}
	return canonical, nil
}

func route(name string) (canonical string, _ error) {
	method, path, ok := strings.Cut(name, " ")
	switch {
	case name == AnyRoute || name == "*/*":
		return AnyRoute, nil
	case !ok && strings.HasPrefix(name, "/"):
		method, path = "", name
		if i := strings.LastIndexByte(name, '/'); isMethod(name[i+1:]) {
			method, path = name[i+1:], strings.TrimPrefix(name[:i], "/")
			path = "/" + path
			if path == "/" {
				path = "/{$}"
			}
		}
	case ok:
		path = strings.TrimLeft(path, " ")
	}
	if method == "ANY" {
		method = ""
	}
	path = strings.ReplaceAll(path, "+}", "...}")
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

func isMethod(s string) bool {
	switch s {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace, "ANY":
		return true
	}
	return false
}
