package middleware

import (
	"errors"
	"net/http"
)

// challenges are the values of WWW-Authenticate (RFC 6750 section 3). All failures of one
// key have the same challenge, so that it does not reveal which secrets were once valid.
type challenges struct {
	missing string // the request has no credential
	invalid string // the request has a credential, and no key that it admits
	several string // the request has more than one credential
}

func newChallenges(realm string) challenges {
	missing := string(appendString([]byte("Bearer realm="), realm))
	return challenges{
		missing: missing,
		invalid: missing + `, error="invalid_token"`,
		several: missing + `, error="invalid_request"`,
	}
}

// of returns the challenge that goes with the status of a request with one credential.
func (all *challenges) of(status int) string {
	if status == http.StatusUnauthorized {
		return all.invalid
	}
	return ""
}

// challenge completes the Result of a refusal. malformed is the fault that the Extractor
// found.
func (res *Result) challenge(found *Credential, malformed error) {
	all := &res.mw.challenges
	switch {
	case res.Status != http.StatusUnauthorized:
	case errors.Is(malformed, errMany):
		res.Status, res.authenticate = http.StatusBadRequest, all.several
	case malformed == nil && found.none():
		res.authenticate = all.missing
	default:
		res.authenticate = all.of(res.Status)
	}
}
