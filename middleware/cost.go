package middleware

import (
	"net/http"
	"net/url"
	"path"
	"reflect"

	"github.com/ration-go/ration/gate"
)

// costOf returns what a request is charged: what Config.Cost says, and nothing where the
// mux only redirects the request to another form of its path, since the client comes back
// and pays then.
func (m *Middleware) costOf(r *http.Request, redirected bool) int64 {
	switch {
	case redirected:
		return 0
	case m.cfg.Cost != nil:
		return m.cfg.Cost(r)
	}
	return 1
}

// admitFree admits a request that takes nothing, whatever the limits: a client that has
// used them up asks for its usage. Where the limits stand is left as it is.
func admitFree(d *gate.Decision) {
	switch d.Reason {
	case gate.Throttled, gate.QuotaExceeded, gate.NeverFits:
		d.Allowed, d.Reason, d.RetryAfter = true, gate.Admitted, 0
	}
}

// redirectType is what a ServeMux finds where it redirects by itself, and what services
// may register.
var redirectType = reflect.TypeOf(http.RedirectHandler("/", http.StatusFound))

// redirects reports whether h, of redirectType, leads to another form of the same path.
func redirects(h http.Handler, r *http.Request) bool {
	var to location
	h.ServeHTTP(&to, r)
	u, err := url.Parse(http.Header(to).Get("Location"))
	return err == nil && u.Host == "" && path.Clean("/"+u.Path) == path.Clean("/"+r.URL.Path)
}

// location is a writer that keeps the header alone.
type location http.Header

func (l *location) Header() http.Header {
	if *l == nil {
		*l = location{}
	}
	return http.Header(*l)
}

func (l *location) Write(p []byte) (int, error) { return len(p), nil }
func (l *location) WriteHeader(int)             {}
