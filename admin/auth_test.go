package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/internal/leak"
)

// login sends a name and a password from an address, and returns the status. It returns
// 200 if the Authenticator accepts them.
func login(b *admin.Basic, from, name, password string) int {
	r := httptest.NewRequest("GET", "/usage", nil)
	r.RemoteAddr = from
	if name != "" {
		r.SetBasicAuth(name, password)
	}
	actor, ok := b.Authenticate(r)
	if ok && actor == name {
		return http.StatusOK
	}
	w := httptest.NewRecorder()
	b.Challenge(w, r)
	return w.Code
}

// TestBasic goes through logins as a timeline. An address has 10 tries, and one more
// after each 6s.
func TestBasic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(admin.NewBasic(map[string]string{"ada": "right", "bob": "other"}, admin.BasicConfig{}))
		const home, other = "192.0.2.1:1000", "192.0.2.2:1000"
		for _, step := range []struct {
			after                time.Duration
			from, name, password string
			times, want          int
		}{
			{0, home, "", "", 30, 401}, // a browser asks first: no failure
			{0, home, "ada", "right", 30, 200},
			{0, home, "ada", "wrong", 9, 401},
			{0, home, "ada", "other", 1, 429}, // the tenth; the answer says to wait
			{0, home, "ada", "right", 1, 429}, // not even the right one
			{0, "192.0.2.1:2000", "ada", "right", 1, 429},
			{0, other, "ada", "right", 1, 200},
			{6 * time.Second, home, "bob", "other", 3, 200},
			{0, home, "ada", "", 1, 429},
			{time.Minute, home, "nobody", "right", 9, 401},
			{time.Hour, home, "ada", "wrong", 9, 401},
			{time.Hour, "[2001:db8::1]:1", "ada", "wrong", 5, 401},
			{0, "[2001:db8::2]:1", "ada", "wrong", 4, 401},
			{0, "[2001:db8::3]:1", "ada", "wrong", 1, 429}, // one network of 64 bits
			{0, "[2001:db8:0:1::3]:1", "ada", "right", 1, 200},
			{0, "@", "ada", "right", 1, 200}, // a socket of this machine
		} {
			time.Sleep(step.after)
			for i := range step.times {
				require.Equal(t, step.want, login(b, step.from, step.name, step.password), "%+v, time %d", step, i+1)
			}
		}
	})
}

// TestBasicFaults checks that all faults are reported at once, and no password.
func TestBasicFaults(t *testing.T) {
	_, err := admin.NewBasic(nil, admin.BasicConfig{Realm: `a"b`, Failures: -1})
	for _, want := range []string{"users: none", "realm", "failures"} {
		require.ErrorContains(t, err, want)
	}
	_, err = admin.NewBasic(map[string]string{"": "p4ss", "a:b": "p4ss", "c": "", "d\n": "p4ss"}, admin.BasicConfig{})
	for _, want := range []string{`name ""`, `name "a:b"`, "users: c: want a password", `"d\n"`} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "p4ss")
}

// TestBasicShowsNoPassword checks that a Basic prints no password.
func TestBasicShowsNoPassword(t *testing.T) {
	const password = "correct-horse-battery"
	b := must(admin.NewBasic(map[string]string{"ada": password}, admin.BasicConfig{}))
	leak.Check(t, password, map[string]any{"basic": b, "value": *b})
	require.Equal(t, "admin.Basic", fmt.Sprintf("%+v", b))
}

// TestClosed checks that nothing is shown or changed without a name, and that an
// AuthFunc answers with 403.
func TestClosed(t *testing.T) {
	f := newFixture(t)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS"} {
		for _, path := range []string{"/usage", "/usage/", "/usage/keys", "/usage/style.css", "/usage/none", "/elsewhere", "/"} {
			status, text, header := f.send(method, path, "", fields{"X-User": ""})
			require.Equal(t, http.StatusForbidden, status, "%s %s", method, path)
			require.NotContains(t, text, "Ration")
			require.Equal(t, "no-store", header.Get("Cache-Control"))
		}
	}
}

// TestNameless checks that an Authenticator that returns no name lets nobody in. The
// history would not tell who made a change.
func TestNameless(t *testing.T) {
	f := newFixture(t)
	f.page = must(admin.New(f.keys, f.plans, f.groups, f.gate, admin.AuthFunc(func(r *http.Request) (string, bool) { return r.Header.Get("X-Forwarded-Email"), true }), admin.Config{}))
	status, _, _ := f.send("GET", "/usage/keys", "", nil)
	require.Equal(t, http.StatusForbidden, status)
	status, _, _ = f.send("GET", "/usage/keys", "", fields{"X-Forwarded-Email": "ada@example.com"})
	require.Equal(t, http.StatusOK, status)
}

// TestFloodLocksNobodyOut has an attacker with many networks, each of which sends wrong
// passwords until it is refused. People on other networks can log in all the same.
func TestFloodLocksNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(admin.NewBasic(map[string]string{"ada": "right"}, admin.BasicConfig{}))
		for i := range 9_000 {
			from := fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>8, i&0xff)
			for range 10 {
				login(b, from, "ada", "wrong")
			}
			require.Equal(t, http.StatusTooManyRequests, login(b, from, "ada", "right"))
		}
		for i := range 100 {
			require.Equal(t, http.StatusOK, login(b, fmt.Sprintf("192.0.2.%d:1", i), "ada", "right"))
		}
	})
}
