package middleware

import (
	"net/http"
	"strings"

	"github.com/ration-go/ration/internal/refusal"
)

// hide removes the RateLimit and X-RateLimit fields from an answer that a shared cache
// may keep. Other clients would take the figures for their own.
func hide(h http.Header, f fields) {
	omit, xRateLimit := f.shown()
	if !omit {
		delete(h, "Ratelimit")
		delete(h, "Ratelimit-Policy")
	}
	if xRateLimit != XRateLimitOff {
		delete(h, "X-Ratelimit-Limit")
		delete(h, "X-Ratelimit-Remaining")
		delete(h, "X-Ratelimit-Reset")
	}
}

// saysNothing reports, with few look-ups, whether a header says nothing about caching. It
// ignores the fields of single vendors: a handler that sets one of those also sets one of
// these four for all other caches.
func saysNothing(h http.Header) bool {
	return len(h) <= 2 || // RateLimit and RateLimit-Policy
		h["Cache-Control"] == nil && h["Expires"] == nil && h["Cdn-Cache-Control"] == nil && h["Surrogate-Control"] == nil
}

// isShared reports whether a header allows a shared cache to keep the answer (RFC 9111
// section 3). If the request has an Authorization field, the header must allow that
// explicitly (section 3.5). If the request has another credential, which caches do not
// recognize, any lifetime is enough.
func isShared(h http.Header, authorization bool) bool {
	for name, values := range h {
		if refusal.IsForCaches(name) && !parseCaching(values).private {
			return true
		}
	}
	said := parseCaching(h["Cache-Control"])
	lives := said.lives || len(h["Expires"]) > 0
	return !said.private && (said.shared || lives && !authorization)
}

// caching is the content of a Cache-Control field, or of a field like it.
type caching struct{ shared, lives, private bool }

func parseCaching(values []string) (c caching) {
	for _, value := range values {
		for directive := range strings.SplitSeq(strings.ToLower(value), ",") {
			switch name, arg, _ := strings.Cut(strings.TrimSpace(directive), "="); name {
			case "public", "s-maxage", "must-revalidate":
				c.shared = true
			case "max-age":
				c.lives = strings.Trim(arg, `"`) != "0"
			case "private", "no-store", "no-cache": // with an argument: for single fields
				c.private = c.private || arg == ""
			}
		}
	}
	return c
}
