package middleware

import (
	"fmt"
	"net/http"

	"github.com/ration-go/ration/internal/nilcheck"
)

// An Extractor finds the credential of a request. It returns the zero Credential if there
// is none.
//
// Its error wraps ErrCredential if the credential is bad. The Header or Query of the
// returned Credential still names its place then. Any other error means that something
// failed, and is answered with 503. An error must not contain a secret.
//
// A function that authenticates requests in its own way, by mTLS or a session, is an
// Extractor that returns a KeyID.
type Extractor func(*http.Request) (Credential, error)

// Bearer returns an Extractor of the token in "Authorization: Bearer <token>" (RFC 6750
// section 2.1). The scheme may be in any case. A field with another scheme is ignored.
func Bearer() Extractor {
	return func(r *http.Request) (c Credential, err error) {
		err = c.findBearer(r.Header[authorization])
		return c, err
	}
}

// Header returns an Extractor of the value of a header field, such as "X-API-Key". An
// empty value is no credential. If name is no valid field name, for example because it
// contains a space, the Extractor finds nothing. Header panics if name is empty.
func Header(name string) Extractor {
	if name == "" {
		panic(`middleware: Header: name: "": want the name of a header field`)
	}
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) (c Credential, err error) {
		err = c.findField(name, r.Header[name])
		return c, err
	}
}

// Query returns an Extractor of the value of a query parameter. It panics if name is
// empty.
//
// Security: use Query only for clients that cannot send a header field. URLs end up in
// the logs of servers and proxies, in browser histories and in Referer fields (RFC 6750
// section 2.3).
func Query(name string) Extractor {
	if name == "" {
		panic(`middleware: Query: name: "": want the name of a query parameter`)
	}
	return func(r *http.Request) (c Credential, err error) {
		if values := r.URL.Query()[name]; len(values) > 1 || len(values) == 1 && values[0] != "" {
			c.Query = name
			err = c.setOnly(values)
		}
		return c, err
	}
}

// OneOf returns an Extractor that asks several others. If more than one of them finds a
// credential, none is preferred: the error wraps ErrCredential. OneOf panics if an
// extractor is nil.
func OneOf(extractors ...Extractor) Extractor {
	for i, extract := range extractors {
		nilcheck.Must("middleware: OneOf", nilcheck.Required(fmt.Sprintf("extractors[%d]", i), extract, "an Extractor"))
	}
	return func(r *http.Request) (found Credential, err error) {
		for _, extract := range extractors {
			c, err := extract(r)
			switch {
			case err != nil:
				return c, err
			case c.none():
			case !found.none():
				return Credential{Header: c.Header, Query: c.Query}, errMany
			default:
				found = c
			}
		}
		return found, nil
	}
}

// credential finds the credential of r and fills in c, which must be zero. It takes a
// pointer because returning a Credential copies it just after it was written, which costs
// 5ns for each caller on the way. If the default Extractor would ask two others, only the
// one whose field is present is asked.
func (m *Middleware) credential(r *http.Request, c *Credential) (err error) {
	if m.bearerOrKey {
		const name = "X-Api-Key"
		bearers, keys := r.Header[authorization], r.Header[name]
		c.unauthorized = len(bearers) == 0
		switch {
		case len(keys) == 0:
			return c.findBearer(bearers)
		case len(bearers) == 0:
			return c.findField(name, keys)
		}
	}
	*c, err = m.cfg.Credential(r)
	return err
}
