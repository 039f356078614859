package middleware

import (
	"net/http"
	"strings"

	"github.com/ration-go/ration/internal/refusal"
)

// hide removes the fields that tell a client where it stands. It is for an answer that a
// shared cache may keep: other clients would take them for theirs.
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

// saysNothing reports, by few look-ups, that a header says nothing of caching. It looks
// for no vendor's field: a handler that sets one also sets one of these four, for all
// other caches.
func saysNothing(h http.Header) bool {
	return len(h) <= 2 || // the fields
		h["Cache-Control"] == nil && h["Expires"] == nil && h["Cdn-Cache-Control"] == nil && h["Surrogate-Control"] == nil
}

// isShared reports whether a header says that a shared cache may keep the answer (RFC
// 9111 section 3). To a request with an Authorization field it must say so clearly
// (section 3.5). To one with another credential, which caches do not know as one, any
// lifetime is enough.
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

// caching is what the directives of Cache-Control, or of a field like it, say.
type caching struct{ shared, lives, private bool }

func parseCaching(values []string) (c caching) {
	for _, value := range values {
		for directive := range strings.SplitSeq(strings.ToLower(value), ",") {
			switch name, arg, _ := strings.Cut(strings.TrimSpace(directive), "="); name {
			case "public", "s-maxage", "must-revalidate":
				c.shared = true
			case "max-age":
				c.lives = strings.Trim(arg, `"`) != "0"
			case "private", "no-store", "no-cache": // with an argument, they are about single fields
				c.private = c.private || arg == ""
			}
		}
	}
	return c
}
