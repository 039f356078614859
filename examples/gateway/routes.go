package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// routes finds the pattern of a request. It matches a path in upper or lower case, and
// with or without a trailing slash, since many upstreams do. Otherwise a client could
// leave the throttle of a route by another spelling of its path.
type routes struct {
	mux     *http.ServeMux    // of the patterns in lower case
	written map[string]string // from the pattern in lower case to that of -route
}

// anyRoute is the pattern of all requests that match no -route.
const anyRoute = "/"

func newRoutes(patterns []string) (rt *routes, err error) {
	var pattern string
	defer func() {
		if fault := recover(); fault != nil { // ServeMux panics on a pattern that it refuses
			err = fmt.Errorf("-route %q: in lower case: %v", pattern, fault)
		}
	}()
	rt = &routes{http.NewServeMux(), map[string]string{anyRoute: anyRoute}}
	rt.mux.Handle(anyRoute, http.NotFoundHandler())
	for _, pattern = range patterns {
		method, rest, found := strings.Cut(pattern, " ")
		lower := method + " " + strings.ToLower(rest)
		if !found {
			lower = strings.ToLower(pattern)
		}
		rt.mux.Handle(lower, http.NotFoundHandler())
		rt.written[lower] = pattern
	}
	return rt, nil
}

// of returns the pattern that a request counts for. It reports false if upstreams could
// read the path in ways that lead to different patterns.
func (rt *routes) of(r *http.Request) (pattern string, ok bool) {
	// Methods are case-sensitive, but some upstreams serve "get" as "GET".
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

// at returns the pattern of a path. A path with a trailing slash counts for the route
// without the slash, unless a pattern names exactly the path with the slash.
func (rt *routes) at(r *http.Request, path string) string {
	path = strings.ToLower(path)
	short := strings.TrimSuffix(path, "/")
	pattern := rt.match(r, path)
	if short == "" || short == path || strings.HasSuffix(strings.TrimSuffix(pattern, "{$}"), "/") && strings.Count(pattern, "/") == strings.Count(path, "/") {
		return rt.written[pattern]
	}
	return rt.written[rt.match(r, short)]
}

// match returns the pattern that the mux has for a path. Hosts are compared in lower
// case, without a port and without the dot of an absolute name.
func (rt *routes) match(r *http.Request, path string) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, pattern := rt.mux.Handler(&http.Request{Method: r.Method, Host: host, URL: &url.URL{Path: path}})
	return pattern
}

// routed returns a handler that sets the pattern of each request and calls h. It refuses
// a request that an upstream might read as one of another route. A client that means no
// harm has no use for such a path. Without a -route or a -scope, every path is passed on
// as it is.
func routed(cfg config, h http.Handler) (http.Handler, error) {
	if len(cfg.routes)+len(cfg.scopes) == 0 {
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

// badRequest answers with a 400 in the style of the other refusals.
func badRequest(w http.ResponseWriter, aws bool) {
	kind, body := "application/problem+json", `{"type":"about:blank","title":"Bad Request","status":400,"detail":"Servers could read the method or the path in different ways."}`
	if aws {
		kind, body = "application/json", `{"message":"Bad Request"}`
		w.Header().Set("X-Amzn-Errortype", "BadRequestException")
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte(body)) // fails only if the client has disconnected
}
