package middleware

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// place is where a credential came from: a header field, a query parameter, or neither.
type place struct{ header, query string }

func (c *Credential) place() place { return place{c.Header, c.Query} }

// strip removes what is in that place from r, whose header, URL and forms others may hold
// too.
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
	if r.Form != nil { // Config's functions have parsed it: what came in the body stays
		r.Form = maps.Clone(r.Form)
		if r.Form[p.query] = r.PostForm[p.query]; r.Form[p.query] == nil {
			delete(r.Form, p.query)
		}
	}
}

// in says whether there is anything in that place of r.
func (p place) in(r *http.Request) bool {
	return p.header != "" && len(r.Header.Values(p.header)) > 0 || p.query != "" && len(r.URL.Query()[p.query]) > 0
}

// stripAll is r without every credential that the Extractor finds, bad ones too, one
// after the other.
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

// without is a query without a parameter, the others as they are.
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
