package admin_test

import (
	"html"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// TestRestrict sets the scopes and networks of a key on its page, one form after another.
func TestRestrict(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "5/day")
	secret := f.key(apikey.Key{ID: "k", Name: "<Shop>"}, "gold")
	require.Contains(t, f.get("/usage/keys/k"), "<dt>Scopes</dt><dd>none</dd>")
	require.Contains(t, f.get("/usage/keys/k"), "<dt>Networks</dt><dd>everywhere</dd>")

	const path = "/usage/keys/k/restrict"
	for _, step := range []struct {
		scopes, networks string
		status           int
		says             []string
		wantScopes       []string
		wantNetworks     string
	}{
		{"orders:read\r\n  users:* ", "192.0.2.0/24, 198.51.100.7\r\n2001:db8::/32", 303, nil, []string{"orders:read", "users:*"}, "192.0.2.0/24 198.51.100.7/32 2001:db8::/32"},
		{"a*b\n\"", "", 422, []string{`scopes[0]: "a*b": want *`, `scopes[1]: "\"": want 1 to 128`}, []string{"orders:read", "users:*"}, "192.0.2.0/24 198.51.100.7/32 2001:db8::/32"},
		{"x", "10.0.0.1/8\n10.0.0.0/99\nfe80::1%eth0", 422, []string{`"10.0.0.0/99": want an address`, `"fe80::1%eth0": want an address`}, []string{"orders:read", "users:*"}, "192.0.2.0/24 198.51.100.7/32 2001:db8::/32"},
		{"x", "10.0.0.1/8", 422, []string{"networks[0]: 10.0.0.1/8: want no bits after the prefix", ">10.0.0.1/8</textarea>"}, []string{"orders:read", "users:*"}, "192.0.2.0/24 198.51.100.7/32 2001:db8::/32"},
		{"<b>", "::/0", 303, nil, []string{"<b>"}, "::/0"},
		{" ", "", 303, nil, nil, ""},
	} {
		status, page, header := f.post(path, path, fields{"scopes": step.scopes, "networks": step.networks})
		require.Equal(t, step.status, status, page)
		for _, text := range step.says {
			require.Contains(t, html.UnescapeString(page), text)
		}
		if status == 303 {
			require.Equal(t, "/usage/keys/k?done=restricted", header.Get("Location"))
			require.Contains(t, f.get("/usage/keys/k?done=restricted"), "The scopes and networks of the key were set.")
		}
		k, err := f.keys.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, len(step.wantScopes), len(k.Scopes))
		require.Subset(t, k.Scopes, step.wantScopes)
		require.Equal(t, step.wantNetworks, strings.Trim(joined(k.Networks), " "))
		page = f.get("/usage/keys/k")
		for _, shown := range append(step.wantScopes, strings.Fields(step.wantNetworks)...) {
			require.Contains(t, page, `<code class="tag">`+html.EscapeString(shown)+"</code>")
		}
	}
	require.Equal(t, gate.Admitted, f.reason(secret))
	require.Contains(t, f.get("/usage/changes?id=k"), "networks")
}

func joined(networks []netip.Prefix) (text string) {
	for _, p := range networks {
		text += p.String() + " "
	}
	return text
}

// TestRestrictOnce checks that a form does not undo what others have changed since it was
// loaded.
func TestRestrictOnce(t *testing.T) {
	f := newFixture(t)
	f.key(apikey.Key{ID: "k"})
	const path = "/usage/keys/k/restrict"
	status, _, _ := f.post(path, path, fields{"scopes": "a", "version": "1"})
	require.Equal(t, 303, status)
	status, page, _ := f.post(path, path, fields{"scopes": "b", "version": "1"})
	require.Equal(t, 409, status)
	require.Contains(t, page, "Nothing was changed now")
	k, err := f.keys.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, k.Scopes)

	for _, method := range []string{"GET", "POST"} {
		status, _, _ = f.send(method, "/usage/keys/none/restrict", "", nil)
		require.Contains(t, []int{403, 404}, status, method)
	}
}

// TestCreateRestricted creates a key with scopes and networks.
func TestCreateRestricted(t *testing.T) {
	f := newFixture(t)
	status, page, _ := f.post("/usage/new-key", "/usage/new-key", fields{"id": "new", "scopes": "a b", "networks": "192.0.2.300"})
	require.Equal(t, 422, status)
	require.Contains(t, html.UnescapeString(page), `networks: "192.0.2.300": want an address or a prefix such as 192.0.2.0/24`)
	require.Contains(t, page, ">192.0.2.300</textarea>")

	status, _, _ = f.post("/usage/new-key", "/usage/new-key", fields{"id": "new", "scopes": "a b", "networks": "192.0.2.3"})
	require.Equal(t, 200, status)
	k, err := f.keys.Get(t.Context(), "new")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, k.Scopes)
	require.Equal(t, "192.0.2.3/32 ", joined(k.Networks))
}
