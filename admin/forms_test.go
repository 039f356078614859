package admin_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
)

var tokenOf = regexp.MustCompile(`name="token" value="([^"]+)"`)

func (f *fixture) token(user string) string {
	f.t.Helper()
	_, page, _ := f.send("GET", "/usage/audit", "", fields{"X-User": user})
	m := tokenOf.FindStringSubmatch(page)
	require.NotNil(f.t, m)
	return m[1]
}

// TestForgedForms checks that forms that the page did not send, or that come from
// elsewhere, are refused and change nothing.
func TestForgedForms(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "5/day")
	f.key(apikey.Key{ID: "k"}, "gold")
	good, others := f.token("ada"), f.token("eve")
	flipped := good[:len(good)-2] + strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, good[len(good)-2:len(good)-1]) + good[len(good)-1:]
	same := fields{"Origin": "http://ration.example.com", "Sec-Fetch-Site": "same-origin"}
	forms := map[string]fields{
		"/usage/new-key": {"id": "new", "name": "n"}, "/usage/keys/k/disable": {}, "/usage/keys/k/enable": {}, "/usage/keys/k/rotate": {"version": "1", "grace": "0"},
		"/usage/keys/k/restrict": {"version": "1", "scopes": "a", "networks": "192.0.2.1"},
		"/usage/keys/k/link":     {"plan": "gold"}, "/usage/keys/k/unlink": {"plan": "gold"}, "/usage/keys/k/move": {"plan": "gold", "to": "gold"}, "/usage/keys/k/extend": {"plan": "gold", "quota": "day", "remaining": "1"},
		"/usage/groups/g/extend": {"quota": "day", "remaining": "1"}, "/usage/audit": {},
	}
	for path, values := range forms {
		for name, c := range map[string]struct {
			token  string
			header fields
			status int
		}{
			"another site":      {good, fields{"Sec-Fetch-Site": "cross-site"}, 403},
			"a sibling site":    {good, fields{"Sec-Fetch-Site": "same-site", "Origin": "http://evil.example.com"}, 403},
			"another origin":    {good, fields{"Origin": "http://evil.example.com"}, 403},
			"another port":      {good, fields{"Origin": "http://ration.example.com:8080"}, 403},
			"no origin":         {good, fields{"Origin": "null"}, 403},
			"no token":          {"", same, 403},
			"not a token":       {"token", same, 403},
			"a changed token":   {flipped, same, 403},
			"a token of others": {others, same, 403},
			"JSON":              {good, fields{"Content-Type": "application/json"}, 403},
			"several parts":     {good, fields{"Content-Type": "multipart/form-data; boundary=x"}, 403},
		} {
			values["token"] = c.token
			status, page, _ := f.send("POST", path, encode(values), c.header)
			require.Equal(t, c.status, status, "%s: %s: %s", path, name, page)
		}
		values["token"] = good
		values["padding"] = strings.Repeat("x", 70_000)
		status, _, _ := f.send("POST", path, encode(values), same)
		require.Equal(t, http.StatusRequestEntityTooLarge, status, path)
		delete(values, "padding")
		status, _, _ = f.send("POST", path, "token=%zz", same)
		require.Equal(t, http.StatusBadRequest, status, path)
		status, _, _ = f.send("POST", path+"?token="+good, "a=b", same)
		require.Equal(t, http.StatusForbidden, status, "a token is no part of an address")
	}
	require.Empty(t, f.changes())
	require.Contains(t, f.get("/usage/audit"), "No audit has run")
	k, err := f.keys.Get(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, 1, k.Version)
}

// TestTokens checks how long a form can be sent, and that pages with the same key accept
// the forms of each other.
func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := func(text string) func(*admin.Config, *backend) {
			return func(cfg *admin.Config, _ *backend) { cfg.FormKey = []byte(text) }
		}
		a, twin, other := newFixture(t, key("0123456789abcdef")), newFixture(t, key("0123456789abcdef")), newFixture(t, key("another key of bytes"))
		body := encode(fields{"token": a.token("ada")})
		send := func(f *fixture) int { status, _, _ := f.send("POST", "/usage/audit", body, nil); return status }
		require.Equal(t, []int{303, 303, 403}, []int{send(a), send(twin), send(other)})
		time.Sleep(12*time.Hour - time.Second)
		require.Equal(t, 303, send(a))
		time.Sleep(time.Second)
		require.Equal(t, 403, send(a))
	})
}

// TestOrigins checks that a further origin may send forms.
func TestOrigins(t *testing.T) {
	f := newFixture(t, func(cfg *admin.Config, _ *backend) { cfg.Origins = []string{"https://ops.example.com"} })
	body := encode(fields{"token": f.token("ada")})
	status, _, _ := f.send("POST", "/usage/audit", body, fields{"Origin": "https://ops.example.com", "Sec-Fetch-Site": "cross-site"})
	require.Equal(t, http.StatusSeeOther, status)
	status, _, _ = f.send("POST", "/usage/audit", body, fields{"Origin": "https://ops.example.org", "Sec-Fetch-Site": "cross-site"})
	require.Equal(t, http.StatusForbidden, status)
}
