package middleware

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// ErrCredential is wrapped by the error of an Extractor if the credential is malformed,
// or if there is more than one. A request with a malformed credential is answered like
// one with an unknown key. A request in which the Extractors of this package find more
// than one is answered with 400.
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

const authorization = "Authorization"

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

// findField sets c to the value of a header field, if there is one.
func (c *Credential) findField(name string, values []string) error {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	c.Header = name
	return c.setOnly(values)
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
