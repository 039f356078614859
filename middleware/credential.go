package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/nilcheck"
)

// ErrCredential is wrapped by the error of an Extractor if the credential is malformed,
// or if there is more than one. Such a request is answered like one with an unknown key.
var ErrCredential = errors.New("middleware: bad credential")

// These errors are made once, so that a flood of garbage costs no memory. They contain
// none of the garbage.
var (
	errCharacters = fmt.Errorf("%w: want up to %d bytes of visible characters", ErrCredential, maxCredential)
	errMany       = fmt.Errorf("%w: more than one", ErrCredential)
)

// maxCredential is the maximum length of a credential in bytes. The longest secrets have
// 128 characters of up to 4 bytes each.
const maxCredential = 512

// Credential says who makes a request. It has either the Secret that came with the
// request, or the KeyID that an authorizer has found in its own way. The zero Credential
// means that there is none.
type Credential struct {
	Secret apikey.Secret
	KeyID  string

	// Header and Query name the header field or query parameter that held the credential.
	// Config.StripCredential removes it.
	Header, Query string

	unauthorized bool // true if the request certainly has no Authorization field
}

func (c *Credential) none() bool { return c.Secret == "" && c.KeyID == "" }

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

const authorization = "Authorization"

// Bearer returns an Extractor of the token in "Authorization: Bearer <token>" (RFC 6750
// section 2.1). The scheme may be in any case. A field with another scheme is ignored.
func Bearer() Extractor {
	return func(r *http.Request) (c Credential, err error) {
		err = c.findBearer(r.Header[authorization])
		return c, err
	}
}

// findBearer sets c to the token in the values of an Authorization field, if there is
// one.
func (c *Credential) findBearer(values []string) error {
	const scheme = "Bearer"
	value, err := single(values)
	switch {
	case err != nil:
		c.Header = authorization
		return err
	case len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme):
		return nil
	}
	rest := value[len(scheme):]
	token := strings.TrimLeft(rest, " ") // one or more (RFC 9110 section 11.4)
	if token != "" && len(token) == len(rest) {
		return nil // another scheme, which begins with "Bearer"
	}
	c.Header = authorization
	return c.setSecret(token)
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

// findField sets c to the value of a header field, if there is one.
func (c *Credential) findField(name string, values []string) error {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	c.Header = name
	return c.setOnly(values)
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

// single returns the only one of some values, or "" if there is none.
func single(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", errMany
}

// setOnly sets the secret of c to the only one of some values.
func (c *Credential) setOnly(values []string) error {
	value, err := single(values)
	if err != nil {
		return err
	}
	return c.setSecret(value)
}

// setSecret sets the secret of c to one that came from a client, if it has the form of a
// secret. Only imported secrets may have characters beyond ASCII.
func (c *Credential) setSecret(secret string) error {
	if secret == "" || len(secret) > maxCredential {
		return errCharacters
	}
	if !visible(secret, '!') && (apikey.Format{AcceptForeign: true}).Check(secret) != nil {
		return errCharacters
	}
	c.Secret = apikey.Secret(secret)
	return nil
}
