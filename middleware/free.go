package middleware

import (
	"net/http"
	"net/url"
	"path"
	"reflect"

	"github.com/ration-go/ration/gate"
)

// isFree reports whether a request is charged nothing. A request that the mux only
// redirects to another form of its path is free, since the client pays when it follows
// the redirect.
func (m *Middleware) isFree(r *http.Request, redirected bool) bool {
	return redirected || m.cfg.Free != nil && m.cfg.Free(r)
}

// admitFree admits a free request, whatever the limits say, so that a client that has
// used them up can ask for its usage. The levels of the limits stay as they are.
func admitFree(d *gate.Decision) {
	switch d.Reason {
	case gate.Throttled, gate.QuotaExceeded, gate.NeverFits:
		d.Allowed, d.Reason, d.RetryAfter = true, gate.Admitted, 0
	}
}

// redirectType is the type of the handler that a ServeMux returns for its own redirects.
// Services may register handlers of this type, too.
var redirectType = reflect.TypeOf(http.RedirectHandler("/", http.StatusFound))

// redirects reports whether h, which is of redirectType, leads to another form of the
// same path.
func redirects(h http.Handler, r *http.Request) bool {
	var to location
	h.ServeHTTP(&to, r)
	u, err := url.Parse(http.Header(to).Get("Location"))
	return err == nil && u.Host == "" && path.Clean("/"+u.Path) == path.Clean("/"+r.URL.Path)
}

// location is a writer that keeps only the header.
type location http.Header

func (l *location) Header() http.Header {
	if *l == nil {
		*l = location{}
	}
	return http.Header(*l)
}

func (l *location) Write(p []byte) (int, error) { return len(p), nil }
func (l *location) WriteHeader(int)             {}
