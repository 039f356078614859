package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/observe"
)

// BasicConfig configures a Basic. The zero BasicConfig is ready for use.
type BasicConfig struct {
	// Realm is the name that the browser may show when it asks for a password. The default
	// is "Ration".
	Realm string

	// Failures is how many wrong passwords one client may try at once, and Pause is the time
	// after which it may try one more. The defaults are 10 and 6s. A client that has tried
	// more is refused with 429, whatever it sends.
	//
	// Security: an attacker with many clients has as many tries for each of them. Choose
	// passwords that are long and random.
	Failures int
	Pause    time.Duration

	// Client returns what counts as one client, such as the key function of
	// middleware.ByAddress with the proxies that are trusted. The default is the address of
	// the connection, or its network of 64 bits for IPv6. A request for which Client returns
	// an error counts for that address, too.
	Client func(*http.Request) (string, error)

	// Logger receives a warning about logins that failed: one line a minute for each client,
	// and at most 60 in all. A line has the client, how many attempts failed since its last
	// line, and the name if it is that of a user. It has no password. If nil, nothing is
	// logged. Stats counts in any case.
	Logger *slog.Logger
}

// A Basic is an Authenticator by HTTP Basic authentication (RFC 7617). Call NewBasic to
// make one. It is safe for concurrent use.
//
// Caution: by default, the address of a client is that of its connection. Behind a proxy
// all clients have one address, and one of them can have all others refused. Set
// BasicConfig.Client there.
type Basic struct {
	users    []basicUser
	cfg      BasicConfig
	attempts *attempts

	wrong, refused *atomic.Int64 // pointers, so that a Basic can be copied
}

// Stats returns how many logins failed since the Basic was made. A request without a
// name and a password is no login: a browser sends one to find out that it needs them.
func (b *Basic) Stats() observe.Logins {
	return observe.Logins{Wrong: b.wrong.Load(), Refused: b.refused.Load()}
}

type basicUser struct {
	name             string
	digest, password [sha256.Size]byte // of the name, and of the password
}

// NewBasic returns a Basic for users, which maps names to passwords. The error reports
// every fault at once, and has no part of a password.
func NewBasic(users map[string]string, cfg BasicConfig) (*Basic, error) {
	var errs []error
	cfg.Realm = cmp.Or(cfg.Realm, "Ration")
	b := &Basic{
		cfg: cfg, attempts: newAttempts(cmp.Or(cfg.Failures, 10), cmp.Or(cfg.Pause, 6*time.Second)),
		wrong: new(atomic.Int64), refused: new(atomic.Int64),
	}
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
	if strings.ContainsFunc(cfg.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		errs = append(errs, fmt.Errorf("realm: %q: want visible ASCII characters without quotes", cfg.Realm))
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

// Authenticate returns the name of the user who sent the request, if the request has the
// right password.
func (b *Basic) Authenticate(r *http.Request) (actor string, ok bool) {
	name, password, sent := r.BasicAuth()
	if !sent {
		return "", false
	}
	from, now := b.clientOf(r), time.Now()
	if !b.attempts.take(from, now) {
		b.refused.Add(1)
		b.report(r.Context(), from, name, now)
		return "", false
	}
	user := b.find(name, password)
	if user == nil {
		b.wrong.Add(1)
		b.report(r.Context(), from, name, now)
		return "", false
	}
	b.attempts.giveBack(from, now)
	return user.name, true
}

// clientOf returns the client that sent a request.
func (b *Basic) clientOf(r *http.Request) string {
	if b.cfg.Client != nil {
		if from, err := b.cfg.Client(r); err == nil {
			return from
		}
	}
	return networkOf(r.RemoteAddr)
}

// report logs that logins of a client failed, if a line is due. A name that no user has
// is not logged, since people type passwords there by mistake.
func (b *Basic) report(ctx context.Context, from, name string, now time.Time) {
	if b.cfg.Logger == nil {
		return
	}
	attempts := b.attempts.fail(from, now)
	if attempts == 0 {
		return
	}
	attrs := []slog.Attr{slog.String("client", from), slog.Int64("attempts", attempts)}
	if slices.ContainsFunc(b.users, func(u basicUser) bool { return u.name == name }) {
		attrs = append(attrs, slog.String("user", name))
	}
	b.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "ration: logins to the admin page failed", attrs...)
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

// Challenge asks for a password by a 401. If the client has failed too often, the answer
// is 429.
func (b *Basic) Challenge(w http.ResponseWriter, r *http.Request) {
	if wait := b.attempts.wait(b.clientOf(r), time.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		http.Error(w, "Too many wrong passwords. Try again later.", http.StatusTooManyRequests)
		return
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="`+b.cfg.Realm+`", charset="UTF-8"`)
	http.Error(w, "Want a name and a password.", http.StatusUnauthorized)
}
