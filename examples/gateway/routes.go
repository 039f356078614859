package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// routes finds the pattern of a request. It takes a path in any case, and with or without
// a slash at its end, for the same route, since many upstreams do.
type routes struct {
	mux  *http.ServeMux    // of the patterns in lower case
	told map[string]string // those, as -route has them
}

// anyRoute is the pattern of all requests that no -route is for.
const anyRoute = "/"

func newRoutes(patterns []string) (rt *routes, err error) {
	defer func() {
		if fault := recover(); fault != nil { // how ServeMux refuses a pattern
			err = fmt.Errorf("-route: whatever its case: %v", fault)
		}
	}()
	rt = &routes{http.NewServeMux(), map[string]string{anyRoute: anyRoute}}
	rt.mux.Handle(anyRoute, http.NotFoundHandler())
	for _, pattern := range patterns {
		method, rest, found := strings.Cut(pattern, " ")
		lower := method + " " + strings.ToLower(rest)
		if !found {
			lower = strings.ToLower(pattern)
		}
		rt.mux.Handle(lower, http.NotFoundHandler())
		rt.told[lower] = pattern
	}
	return rt, nil
}

// of returns the pattern that a request counts for, whichever way the upstream reads its
// path; false if there are ways that lead to different routes.
func (rt *routes) of(r *http.Request) (pattern string, ok bool) {
	if r.Method != strings.ToUpper(r.Method) || overridden(r) || ambiguous(r.URL) {
		return "", false
	}
	pattern = rt.at(r, r.URL.Path)
	for _, path := range shortened(r.URL.Path) {
		if rt.at(r, path) != pattern {
			return "", false
		}
	}
	return pattern, true
}

// at returns the pattern of a path. One that ends with a slash counts for the route
// without it, unless there is a pattern for just that.
func (rt *routes) at(r *http.Request, path string) string {
	path = strings.ToLower(path)
	short := strings.TrimSuffix(path, "/")
	pattern := rt.find(r, path)
	if short == "" || short == path || strings.HasSuffix(strings.TrimSuffix(pattern, "{$}"), "/") && strings.Count(pattern, "/") == strings.Count(path, "/") {
		return rt.told[pattern]
	}
	return rt.told[rt.find(r, short)]
}

func (rt *routes) find(r *http.Request, path string) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, pattern := rt.mux.Handler(&http.Request{Method: r.Method, Host: host, URL: &url.URL{Path: path}})
	return pattern
}

// routed has h see the pattern of each request. A request that an upstream might take for
// one of another route is refused, as it is no use to a client that means no harm.
// Without a -route, paths are passed on as they come.
func routed(cfg config, h http.Handler) (http.Handler, error) {
	if len(cfg.routes) == 0 {
		return h, nil
	}
	rt, err := newRoutes(cfg.routes)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pattern, ok := rt.of(r)
		if !ok {
			badRequest(w, cfg.aws)
			return
		}
		r.Pattern = pattern
		h.ServeHTTP(w, r)
	}), nil
}

// badRequest answers in the style of refusals.
func badRequest(w http.ResponseWriter, aws bool) {
	kind, body := "application/problem+json", `{"type":"about:blank","title":"Bad Request","status":400,"detail":"The method or the path can be read in several ways."}`
	if aws {
		kind, body = "application/json", `{"message":"Bad Request"}`
		w.Header().Set("X-Amzn-Errortype", "BadRequestException")
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte(body)) // the client may be gone
}
