package middleware

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// place says where a credential came from: a header field, a query parameter, or neither.
type place struct{ header, query string }

func (c *Credential) place() place { return place{c.Header, c.Query} }

// strip removes the content of the place from r. It copies the header, URL and forms that
// it changes, because outer handlers hold them too.
func (p place) strip(r *http.Request) {
	if p.header != "" {
		r.Header = r.Header.Clone()
		r.Header.Del(p.header)
	}
	if p.query == "" {
		return
	}
	u := *r.URL
	u.RawQuery = without(u.RawQuery, p.query)
	r.URL, r.RequestURI = &u, u.RequestURI()
	if r.Form != nil { // parsed by a function of the Config; values from the body stay
		r.Form = maps.Clone(r.Form)
		if r.Form[p.query] = r.PostForm[p.query]; r.Form[p.query] == nil {
			delete(r.Form, p.query)
		}
	}
}

// in reports whether r has anything in that place.
func (p place) in(r *http.Request) bool {
	return p.header != "" && len(r.Header.Values(p.header)) > 0 || p.query != "" && len(r.URL.Query()[p.query]) > 0
}

// stripAll returns r without any credential that the Extractor finds, malformed ones
// included. The Extractor is asked again until it finds none.
func (m *Middleware) stripAll(r *http.Request) *http.Request {
	for {
		found, _ := m.cfg.Credential(r)
		p := found.place()
		if !p.in(r) {
			return r
		}
		r = r.WithContext(r.Context())
		p.strip(r)
	}
}

// without returns a query without one parameter. The other parameters stay as they are.
func without(query, name string) string {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(part, "=")
		if key, err := url.QueryUnescape(key); err != nil || key != name {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}
