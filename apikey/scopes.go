package apikey

import (
	"fmt"
	"strings"
)

const (
	maxScopes = 100
	maxScope  = 128
)

// anyScope is the scope that grants every scope. At the end of a longer scope, after a
// colon, it grants every scope that begins with what stands before it.
const anyScope = "*"

// HasScope reports whether the key has a scope: the scope itself, "*", or a scope such as
// "orders:*" for a scope that begins with "orders:" and goes on. Every key has the empty
// scope, which stands for none.
func (k *Key) HasScope(scope string) bool {
	if scope == "" {
		return true
	}
	for _, s := range k.Scopes {
		if s == scope || s == anyScope {
			return true
		}
		if space, ok := strings.CutSuffix(s, ":"+anyScope); ok && len(scope) > len(space)+1 &&
			scope[:len(space)] == space && scope[len(space)] == ':' {
			return true
		}
	}
	return false
}

// CheckScope returns what is wrong with a scope that a request needs, or nil. A scope has
// 1 to 128 visible ASCII characters other than " and \, as in RFC 6749 section 3.3, and
// no '*', since only a key can have many scopes by one. The error wraps ErrInvalid.
func CheckScope(scope string) error {
	if isScope(scope) && strings.IndexByte(scope, anyScope[0]) < 0 {
		return nil
	}
	return invalid(fmt.Errorf("scope: %.40q: want 1 to %d visible ASCII characters other than \", \\ and *", scope, maxScope))
}

// isScope reports whether s is a scope-token (RFC 6749 section 3.3).
func isScope(s string) bool {
	if s == "" || len(s) > maxScope {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// scopeFaults returns the rules that the Scopes break.
func (k *Key) scopeFaults() (errs []error) {
	if n := len(k.Scopes); n > maxScopes {
		errs = append(errs, fmt.Errorf("scopes: %d of them: want at most %d", n, maxScopes))
	}
	seen := map[string]bool{}
	for i, s := range k.Scopes {
		switch star := strings.IndexByte(s, anyScope[0]); {
		case !isScope(s):
			errs = append(errs, fmt.Errorf("scopes[%d]: %.40q: want 1 to %d visible ASCII characters other than \" and \\", i, s, maxScope))
		case star >= 0 && s != anyScope && (star < len(s)-1 || !strings.HasSuffix(s, ":"+anyScope)):
			errs = append(errs, fmt.Errorf("scopes[%d]: %.40q: want * only alone, or at the end after a colon", i, s))
		case seen[s]:
			errs = append(errs, fmt.Errorf("scopes[%d]: %.40q: want each scope once", i, s))
		}
		seen[s] = true
	}
	return errs
}
