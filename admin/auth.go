package admin

import (
	"errors"
	"net/http"
)

// An Authenticator knows the people that may use the page.
type Authenticator interface {
	// Authenticate returns the name of the person who sends a request, and whether the
	// person may use the page. The name is shown on the page, and in the history of changes.
	// An empty name opens nothing.
	Authenticate(r *http.Request) (actor string, ok bool)

	// Challenge answers a request that Authenticate has refused: with a 401 and a challenge,
	// a redirect to a login, or a 403.
	Challenge(w http.ResponseWriter, r *http.Request)
}

// An AuthFunc is an Authenticate method that is an Authenticator. It has no challenge: a
// request that it refuses is answered with 403. It is for a proxy that has authenticated
// people already.
//
// Security: a client can send any header field. Read the name from a field only if every
// request comes through a proxy that sets or removes the field.
type AuthFunc func(r *http.Request) (actor string, ok bool)

// Authenticate calls f.
func (f AuthFunc) Authenticate(r *http.Request) (actor string, ok bool) { return f(r) }

// Challenge answers with 403.
func (f AuthFunc) Challenge(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "You may not use this page.", http.StatusForbidden)
}

// errNoUsers is the fault of a Basic without users.
var errNoUsers = errors.New("users: none: want at least one name and its password")
