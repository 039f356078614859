package admin

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// BasicConfig configures a Basic. The zero BasicConfig is ready for use.
type BasicConfig struct {
	// Realm is the name that the browser may show when it asks for a password. The default
	// is "Ration".
	Realm string

	// Failures is how many wrong passwords one address may try at once, and Pause is the
	// time after which it may try one more. The defaults are 10 and 6s. An address that has
	// tried more is refused with 429, whatever it sends. The addresses of an IPv6 network of
	// 64 bits count as one.
	Failures int
	Pause    time.Duration
}

// A Basic is an Authenticator by HTTP Basic authentication (RFC 7617). Call NewBasic to
// make one. It is safe for concurrent use.
//
// Caution: the address of a client is that of its connection. Behind a proxy all clients
// have one address, and share the bound of failures.
type Basic struct {
	users    []basicUser
	realm    string
	failures *failures
}

type basicUser struct {
	name             string
	digest, password [sha256.Size]byte // of the name, and of the password
}

// NewBasic returns a Basic for users, which maps names to passwords. The error reports
// every fault at once, and has no part of a password.
func NewBasic(users map[string]string, cfg BasicConfig) (*Basic, error) {
	var errs []error
	b := &Basic{realm: cmp.Or(cfg.Realm, "Ration"), failures: newFailures(cmp.Or(cfg.Failures, 10), cmp.Or(cfg.Pause, 6*time.Second))}
	for name, password := range users {
		switch {
		case name == "" || strings.ContainsFunc(name, isControl) || strings.Contains(name, ":"):
			errs = append(errs, fmt.Errorf("users: name %q: want a name without ':' and control characters", name))
		case password == "":
			errs = append(errs, fmt.Errorf("users: %s: want a password", name))
		}
		b.users = append(b.users, basicUser{name, sha256.Sum256([]byte(name)), sha256.Sum256([]byte(password))})
	}
	if len(users) == 0 {
		errs = append(errs, errNoUsers)
	}
	if strings.ContainsFunc(b.realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		errs = append(errs, fmt.Errorf("realm: %q: want visible ASCII characters without quotes", b.realm))
	}
	if cfg.Failures < 0 || cfg.Pause < 0 {
		errs = append(errs, errors.New("failures: want no negative numbers"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("admin: basic: %w", err)
	}
	return b, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// String returns the name of the type. A Basic holds digests of passwords.
func (b Basic) String() string { return "admin.Basic" }

// Format prints String for every verb.
func (b Basic) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(b.String())) }

// Authenticate returns the name of a user whose password the request has.
func (b *Basic) Authenticate(r *http.Request) (actor string, ok bool) {
	name, password, sent := r.BasicAuth()
	if !sent || !b.failures.take(r.RemoteAddr, time.Now()) {
		return "", false
	}
	user := b.find(name, password)
	if user == nil {
		return "", false
	}
	b.failures.giveBack(r.RemoteAddr)
	return user.name, true
}

// find returns the user with a name and a password, or nil. It takes the same time for
// every name and password of the same length.
func (b *Basic) find(name, password string) (found *basicUser) {
	digest, secret := sha256.Sum256([]byte(name)), sha256.Sum256([]byte(password))
	for i := range b.users {
		u := &b.users[i]
		if subtle.ConstantTimeCompare(digest[:], u.digest[:])&subtle.ConstantTimeCompare(secret[:], u.password[:]) == 1 {
			found = u
		}
	}
	return found
}

// Challenge asks for a password by a 401. If the address has failed too often, the answer
// is 429.
func (b *Basic) Challenge(w http.ResponseWriter, r *http.Request) {
	if wait := b.failures.wait(r.RemoteAddr, time.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		http.Error(w, "Too many wrong passwords. Try again later.", http.StatusTooManyRequests)
		return
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="`+b.realm+`", charset="UTF-8"`)
	http.Error(w, "Want a name and a password.", http.StatusUnauthorized)
}
