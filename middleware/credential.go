package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// ErrCredential is wrapped by an Extractor's error about a credential that is malformed, or there more than once. It is
// answered like an unknown key.
var ErrCredential = errors.New("middleware: bad credential")

// Made once, so that a flood of garbage costs no memory, and without any of it.
var (
	errCharacters = fmt.Errorf("%w: want up to %d visible ASCII characters", ErrCredential, maxCredential)
	errMany       = fmt.Errorf("%w: more than one", ErrCredential)
)

// maxCredential is the most bytes of a credential. The longest secrets have some 130.
const maxCredential = 512

// Credential is who asks: the Secret that came with a request, or the KeyID of an authorizer that has found out by itself.
// The zero Credential is none.
type Credential struct {
	Secret apikey.Secret
	KeyID  string

	// Header and Query name the header field or query parameter that it came in: what Config.StripCredential removes.
	Header, Query string
}

func (c *Credential) none() bool { return c.Secret == "" && c.KeyID == "" }

// Extractor finds the credential of a request; the zero Credential if there is none. Its error wraps ErrCredential if the
// credential is bad; beside that, the Credential's Header or Query still says where it is. Any other error means that
// something failed: it is answered with 503. An error holds no secret.
//
// A function that authenticates requests in its own way, by mTLS or a session, is an Extractor that returns a KeyID.
type Extractor func(*http.Request) (Credential, error)

// Bearer takes the token of "Authorization: Bearer <token>" (RFC 6750 section 2.1), the scheme in any case. Another scheme
// is no credential of ours.
func Bearer() Extractor {
	const scheme = "Bearer"
	return func(r *http.Request) (Credential, error) {
		from := Credential{Header: "Authorization"}
		value, err := single(r.Header["Authorization"])
		switch {
		case err != nil:
			return from, err
		case len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme):
			return Credential{}, nil
		}
		token, spaced := strings.CutPrefix(value[len(scheme):], " ")
		if token != "" && !spaced {
			return Credential{}, nil // a scheme that begins like ours
		}
		return credential(token, from)
	}
}

// Header takes the value of a header field, such as "X-API-Key". An empty one is none.
func Header(name string) Extractor {
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) (Credential, error) {
		return only(r.Header[name], Credential{Header: name})
	}
}

// Query takes the value of a query parameter. It is for clients that can do nothing else: URLs end up in the logs of
// servers and proxies, in browsers' histories and in Referer fields (RFC 6750 section 2.3).
func Query(name string) Extractor {
	return func(r *http.Request) (Credential, error) {
		return only(r.URL.Query()[name], Credential{Query: name})
	}
}

// OneOf takes the credential that one of several extractors finds. If more than one does, none is preferred: that is
// ErrCredential.
func OneOf(extractors ...Extractor) Extractor {
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

func single(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", errMany
}

// only is c with the one of those values, the zero Credential if there is none or it is empty.
func only(values []string, c Credential) (Credential, error) {
	value, err := single(values)
	switch {
	case err != nil:
		return c, err
	case value == "":
		return Credential{}, nil
	}
	return credential(value, c)
}

// credential is c with a secret that came from a client.
func credential(secret string, c Credential) (Credential, error) {
	if secret == "" || len(secret) > maxCredential || !visible(secret, '!') {
		return c, errCharacters
	}
	c.Secret = apikey.Secret(secret)
	return c, nil
}

// visible says that s is ASCII characters from first, a space or '!', to '~'.
func visible(s string, first byte) bool {
	for i := range len(s) {
		if s[i] < first || s[i] > '~' {
			return false
		}
	}
	return true
}
