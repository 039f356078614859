package middleware

import (
	"errors"
	"net/http"
	"strings"

	"github.com/ration-go/ration/gate"
)

// challenges are the values of WWW-Authenticate (RFC 6750 section 3). All failures of one
// key have the same challenge, so that it does not reveal which secrets were once valid.
type challenges struct {
	missing string // the request has no credential
	invalid string // the request has a credential, and no key that it admits
	several string // the request has more than one credential

	// The key lacks the scope that the request needs. The first is the beginning of a
	// challenge that names the scope.
	lacking, lackingAny string
}

func newChallenges(realm string) challenges {
	missing := string(appendString([]byte("Bearer realm="), realm))
	return challenges{
		missing: missing,
		invalid: missing + `, error="invalid_token"`,
		several: missing + `, error="invalid_request"`,

		lacking:    missing + `, error="insufficient_scope", scope="`,
		lackingAny: missing + `, error="insufficient_scope"`,
	}
}

// of returns the challenge that goes with the refusal of a request with one credential.
// The scope of the request is not known.
func (all *challenges) of(why gate.Reason, status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return all.invalid
	case why == gate.ScopeMissing:
		return all.lackingAny
	}
	return ""
}

// lackingScope returns the challenge of a request whose key lacks the scope. The
// characters of a scope need no escape.
func (all *challenges) lackingScope(scope string) string { return all.lacking + scope + `"` }

// missingScope returns the scope that the challenge names, or "".
func (res *Result) missingScope() string {
	scope, _ := strings.CutPrefix(res.authenticate, res.mw.challenges.lacking)
	if len(scope) == len(res.authenticate) {
		return ""
	}
	return strings.TrimSuffix(scope, `"`)
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
		res.authenticate = all.invalid
	}
}
