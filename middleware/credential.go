package middleware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/nilcheck"
)

// ErrCredential is wrapped by an Extractor's error about a credential that is malformed,
// or there more than once. It is answered like an unknown key.
var ErrCredential = errors.New("middleware: bad credential")

// Made once, so that a flood of garbage costs no memory, and without any of it.
var (
	errCharacters = fmt.Errorf("%w: want up to %d bytes of visible characters", ErrCredential, maxCredential)
	errMany       = fmt.Errorf("%w: more than one", ErrCredential)
)

// maxCredential is the most bytes of a credential. The longest secrets have 128
// characters, of up to 4 bytes each.
const maxCredential = 512

// Credential is who asks: the Secret that came with a request, or the KeyID of an
// authorizer that has found out by itself. The zero Credential is none.
type Credential struct {
	Secret apikey.Secret
	KeyID  string

	// Header and Query name the header field or query parameter that it came in: what
	// Config.StripCredential removes.
	Header, Query string

	unauthorized bool // the request is known to have no Authorization field
}

func (c *Credential) none() bool { return c.Secret == "" && c.KeyID == "" }

// Extractor finds the credential of a request; the zero Credential if there is none. Its
// error wraps ErrCredential if the credential is bad; beside that, the Credential's
// Header or Query still says where it is. Any other error means that something failed: it
// is answered with 503. An error holds no secret.
//
// A function that authenticates requests in its own way, by mTLS or a session, is an
// Extractor that returns a KeyID.
type Extractor func(*http.Request) (Credential, error)

const authorization = "Authorization"

// Bearer takes the token of "Authorization: Bearer <token>" (RFC 6750 section 2.1), the
// scheme in any case. Another scheme is no credential of ours.
func Bearer() Extractor {
	return func(r *http.Request) (c Credential, err error) {
		err = c.bearer(r.Header[authorization])
		return c, err
	}
}

// bearer makes c the token of the values of an Authorization field, if there is one.
func (c *Credential) bearer(values []string) error {
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
		return nil // a scheme that begins like ours
	}
	c.Header = authorization
	return c.take(token)
}

// Header takes the value of a header field, such as "X-API-Key". An empty one is none; a
// name that no field can have, such as one with a blank in it, finds nothing.
func Header(name string) Extractor {
	if name == "" {
		panic(`middleware: Header: name: "": want the name of a header field`)
	}
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) (c Credential, err error) {
		err = c.field(name, r.Header[name])
		return c, err
	}
}

// field makes c the value of a header field, if there is one.
func (c *Credential) field(name string, values []string) error {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	c.Header = name
	return c.only(values)
}

// Query takes the value of a query parameter. It is for clients that can do nothing else:
// URLs end up in the logs of servers and proxies, in browsers' histories and in Referer
// fields (RFC 6750 section 2.3).
func Query(name string) Extractor {
	if name == "" {
		panic(`middleware: Query: name: "": want the name of a query parameter`)
	}
	return func(r *http.Request) (c Credential, err error) {
		if values := r.URL.Query()[name]; len(values) > 1 || len(values) == 1 && values[0] != "" {
			c.Query = name
			err = c.only(values)
		}
		return c, err
	}
}

// OneOf takes the credential that one of several extractors finds. If more than one does,
// none is preferred: that is ErrCredential.
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

// credential finds the credential of r. It fills in c, which is zero: a Credential that
// is returned is copied just after it was written, which costs 5ns for each caller on the
// way. Where the default Extractor would ask both of its own, only the one with a field
// is asked.
func (m *Middleware) credential(r *http.Request, c *Credential) (err error) {
	if m.bearerOrKey {
		const name = "X-Api-Key"
		bearers, keys := r.Header[authorization], r.Header[name]
		c.unauthorized = len(bearers) == 0
		switch {
		case len(keys) == 0:
			return c.bearer(bearers)
		case len(bearers) == 0:
			return c.field(name, keys)
		}
	}
	*c, err = m.cfg.Credential(r)
	return err
}

func single(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", errMany
}

// only makes c that of the only one of some values.
func (c *Credential) only(values []string) error {
	value, err := single(values)
	if err != nil {
		return err
	}
	return c.take(value)
}

// take makes c that of a secret that came from a client, if it can be one. Imported
// secrets alone may have characters beyond ASCII.
func (c *Credential) take(secret string) error {
	if secret == "" || len(secret) > maxCredential || !visible(secret, '!') && (apikey.Format{AcceptForeign: true}).Check(secret) != nil {
		return errCharacters
	}
	c.Secret = apikey.Secret(secret)
	return nil
}

// visible says that s is ASCII characters from first, a space or '!', to '~'. It looks at
// eight at a time: if one is not, it or a difference or sum of it has its highest bit
// set, and of several the lowest is found whatever it borrows.
func visible(s string, first byte) bool {
	const ones, highest = 0x0101_0101_0101_0101, 0x8080_8080_8080_8080
	for ; len(s) >= 8; s = s[8:] {
		x := binary.LittleEndian.Uint64([]byte(s))
		if (x|(x-ones*uint64(first))|(x+ones))&highest != 0 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] < first || s[i] > '~' {
			return false
		}
	}
	return true
}
