package refusal

import (
	"net/http"
	"strings"
)

// NoStore sets Cache-Control to no-store and removes every other field that could make a
// cache keep the response. An outer handler may have set such a field for the response
// that it expected.
func NoStore(h http.Header) {
	for name := range h {
		if IsForCaches(name) {
			delete(h, name)
		}
	}
	for _, name := range [...]string{"Expires", "Age", "Etag", "Last-Modified", "Pragma"} {
		delete(h, name)
	}
	h.Set("Cache-Control", "no-store")
}

// IsForCaches reports whether a field, by its canonical name, overrides Cache-Control for
// the caches of content delivery networks and proxies: CDN-Cache-Control (RFC 9213),
// vendors' fields of the same form, and their older fields.
func IsForCaches(name string) bool {
	switch name {
	case "Surrogate-Control", "Edge-Control", "X-Accel-Expires":
		return true
	}
	return strings.HasSuffix(name, "-Cache-Control")
}
