package main

import (
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/ration-go/ration/middleware"
)

const usageHelp = "answer GET requests for this `path`, such as /usage/me, with the client's own usage as JSON: " +
	"what remains of each limit of its key, and with ?cost=5 when 5 requests fit. It is charged nothing. " +
	"Such a request does not reach the upstream. If empty, every path belongs to the upstream. " +
	"The page /usage for administrators is another, see -page-users. See docs/own-usage.md"

// checkUsage returns an error if -usage is no clean path.
func (cfg *config) checkUsage() error {
	if p := cfg.usage; p != "" && (p[0] != '/' || p == "/" || path.Clean(p) != p || strings.ContainsAny(p, "?#%;\\ ")) {
		return fmt.Errorf("-usage %q: want a path such as /usage/me", p)
	}
	return nil
}

// withUsage returns a handler that tells clients their own usage at the path of -usage,
// and passes all other requests to h.
func withUsage(cfg config, mw *middleware.Middleware, h http.Handler) (http.Handler, error) {
	if cfg.usage == "" {
		return h, nil
	}
	usage, err := mw.Usage(middleware.UsageConfig{})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == cfg.usage {
			usage.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	}), nil
}
