package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestRefusalIsNotCached checks that a refusal removes the caching fields that outer
// handlers have set for the answer that they expected.
func TestRefusalIsNotCached(t *testing.T) {
	for front, handler := range refusers(t) {
		w := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, value := range map[string]string{
				"Cache-Control": "public, max-age=60", "CDN-Cache-Control": "max-age=60", "Cloudflare-CDN-Cache-Control": "max-age=60",
				"Surrogate-Control": "max-age=60", "Edge-Control": "max-age=60", "X-Accel-Expires": "60", "X-LiteSpeed-Cache-Control": "public",
				"Expires": time.Now().Add(time.Hour).Format(http.TimeFormat), "Age": "3", "ETag": `"1"`, "Last-Modified": time.Now().Format(http.TimeFormat),
				"X-Request-Id": "7", "Vary": "Origin",
			} {
				w.Header().Set(name, value)
			}
			handler.ServeHTTP(w, r)
		}), request("GET", "/"))
		require.GreaterOrEqual(t, w.Code, 401, front)
		for name := range w.Header() {
			switch name {
			case "Cache-Control", "Content-Type", "Content-Length", "X-Request-Id", "Vary", "Www-Authenticate", "X-Amzn-Errortype",
				"X-Amzn-Requestid", "Ratelimit", "Ratelimit-Policy", "X-Content-Type-Options", "Retry-After":
			default:
				t.Errorf("%s: %s: %q", front, name, w.Header()[name])
			}
		}
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"), front)
	}
}

// TestShared checks that an answer that a cache may give to others has no figures of one
// client.
func TestShared(t *testing.T) {
	for _, c := range []struct {
		header []string
		// Whether the fields stay, for a key in Authorization and for a key in another field.
		authorization, other bool
	}{
		{nil, true, true},
		{[]string{"Cache-Control", "no-store"}, true, true},
		{[]string{"Cache-Control", "private, max-age=60"}, true, true},
		{[]string{"Cache-Control", "PRIVATE, max-age=60"}, true, true},
		{[]string{"Cache-Control", "no-cache"}, true, true},
		{[]string{"Cache-Control", "max-age=0"}, true, true},
		{[]string{"Cache-Control", "max-age=60"}, true, false},
		{[]string{"Expires", "Fri, 01 Jan 2100 00:00:00 GMT"}, true, false},
		{[]string{"Cache-Control", "public"}, false, false},
		{[]string{"Cache-Control", "max-age=60,Public"}, false, false},
		{[]string{"Cache-Control", "max-age=60", "Cache-Control", "public"}, false, false},
		{[]string{"Cache-Control", `s-maxage="60"`}, false, false},
		{[]string{"Cache-Control", "max-age=60, must-revalidate"}, false, false},
		{[]string{"Cache-Control", "no-store", "CDN-Cache-Control", "max-age=60"}, false, false},
		{[]string{"Cache-Control", "private", "Surrogate-Control", "max-age=60"}, false, false},
		{[]string{"CDN-Cache-Control", "no-store"}, true, true},
	} {
		for name, cfg := range map[string]middleware.Config{"plain": {XRateLimit: middleware.XRateLimitSeconds}, "refunding": {XRateLimit: middleware.XRateLimitSeconds, Refund: failed}} {
			h := newFixture(t)
			_, secret := h.key(&usageplan.Plan{Quotas: perDay(9)})
			handler := h.middleware(cfg).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for i := 0; i < len(c.header); i += 2 {
					w.Header().Add(c.header[i], c.header[i+1])
				}
				_, _ = w.Write([]byte("x"))
			}))
			for r, want := range map[*http.Request]bool{with(secret): c.authorization, request("GET", "/", "X-API-Key", secret): c.other} {
				w := serve(handler, r)
				require.Equal(t, 200, w.Code)
				for _, field := range []string{"RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
					require.Equal(t, want, w.Result().Header.Get(field) != "", "%s %s %v %v", name, field, c.header, r.Header)
				}
			}
		}
	}
}
