package apikey_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestHasScope checks which scopes a key has by one of its own.
func TestHasScope(t *testing.T) {
	for _, c := range []struct {
		has     string // scopes of the key
		granted string
		refused string
	}{
		{"", "", "orders:read *"},
		{"orders:read", "orders:read", "orders orders: orders:read:all orders:write Orders:read orders:rea"},
		{"orders:*", "orders:read orders:read:all orders:* orders::", "orders orders: orders.read ordersx:read xorders:read *"},
		{"orders:read:*", "orders:read:all", "orders:read orders:write:all orders:read:"},
		{"a b:*", "a b:c", "b c:b"},
		{"*", "orders orders:read *", ""},
		{"https://api.example.com/orders.read", "https://api.example.com/orders.read", "https://api.example.com/orders"},
		{":*", ":a", "a: :"},
	} {
		k := apikey.Key{Scopes: strings.Fields(c.has)}
		require.True(t, k.HasScope(""), c.has)
		for _, s := range strings.Fields(c.granted) {
			require.True(t, k.HasScope(s), "%q of %q", s, c.has)
		}
		for _, s := range strings.Fields(c.refused) {
			require.False(t, k.HasScope(s), "%q of %q", s, c.has)
		}
	}
}

// TestAcceptsAddr checks from where a key may be used.
func TestAcceptsAddr(t *testing.T) {
	for _, c := range []struct {
		networks, from string
		want           bool
	}{
		{"", "192.0.2.1", true},
		{"", "", true},
		{"192.0.2.0/24", "192.0.2.1", true},
		{"192.0.2.0/24", "192.0.3.1", false},
		{"192.0.2.0/24", "::ffff:192.0.2.1", true},
		{"192.0.2.0/24", "::192.0.2.1", false},
		{"192.0.2.0/24", "", false},
		{"192.0.2.1/32 2001:db8::/32", "2001:db8:1::1", true},
		{"192.0.2.1/32 2001:db8::/32", "2001:db8:1::1%eth0", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "192.0.2.1", false},
		{"0.0.0.0/0 ::/0", "", false},
	} {
		var k apikey.Key
		for _, n := range strings.Fields(c.networks) {
			k.Networks = append(k.Networks, netip.MustParsePrefix(n))
		}
		var from netip.Addr
		if c.from != "" {
			from = netip.MustParseAddr(c.from)
		}
		require.Equal(t, c.want, k.AcceptsAddr(from), "%q from %q", c.networks, c.from)
	}
	none := apikey.Key{Networks: []netip.Prefix{{}}} // that a store has spoilt
	require.False(t, none.AcceptsAddr(netip.MustParseAddr("192.0.2.1")))
	require.False(t, none.AcceptsAddr(netip.Addr{}))
}

// TestCheckScope checks the rules of a scope that a request needs.
func TestCheckScope(t *testing.T) {
	for scope, good := range map[string]bool{
		"a": true, "orders:read": true, "!#$%&'()+,-./:;<=>?@[]^_`{|}~": true, strings.Repeat("x", 128): true,
		"": false, "*": false, "orders:*": false, "a b": false, `"`: false, `\`: false, "é": false, "\x7f": false, "\n": false, strings.Repeat("x", 129): false,
	} {
		err := apikey.CheckScope(scope)
		require.Equal(t, good, err == nil, "%q: %v", scope, err)
		if !good {
			require.ErrorIs(t, err, apikey.ErrInvalid)
		}
	}
}

// TestRestrictionFaults checks that all faults are reported at once.
func TestRestrictionFaults(t *testing.T) {
	prefix := func(s string) netip.Prefix { return netip.MustParsePrefix(s) }
	many := apikey.Key{ID: "k"}
	for i := range 101 {
		many.Scopes = append(many.Scopes, fmt.Sprint(i))
		many.Networks = append(many.Networks, prefix(fmt.Sprintf("10.0.0.%d/32", i)))
	}
	require.EqualError(t, many.Validate(), "apikey: invalid: scopes: 101 of them: want at most 100\nnetworks: 101 of them: want at most 50")
	many.Scopes, many.Networks = many.Scopes[:100], many.Networks[:50]
	require.NoError(t, many.Validate())

	bad := apikey.Key{
		ID:       "k",
		Scopes:   []string{"", "a b", "a*", "a:*:b", "ok", "ok", strings.Repeat("x", 129), "é", "a:**"},
		Networks: []netip.Prefix{{}, prefix("192.0.2.1/24"), prefix("::ffff:192.0.2.0/120"), prefix("::/0"), prefix("::/0")},
	}
	err := bad.Validate()
	require.ErrorIs(t, err, apikey.ErrInvalid)
	text := err.Error()
	for _, want := range []string{
		"scopes[0]: \"\": want 1 to 128", "scopes[1]: \"a b\"", "scopes[2]: \"a*\": want * only alone, or at the end after a colon", "scopes[3]: \"a:*:b\"", "scopes[5]: \"ok\": want each scope once",
		"scopes[6]: ", "scopes[7]: ", "scopes[8]: \"a:**\"",
		"networks[0]: \"invalid Prefix\": want a prefix such as 192.0.2.0/24", "networks[1]: 192.0.2.1/24: want no bits after the prefix, as in 192.0.2.0/24 or 192.0.2.1/32",
		"networks[2]: ::ffff:192.0.2.0/120: want a prefix of IPv4 itself", "networks[4]: ::/0: want each prefix once",
	} {
		require.Contains(t, text, want)
	}
	require.Equal(t, 12, strings.Count(text, "\n")+1, text)
}

// TestRestrictionsAreKept checks that scopes and networks outlast every change of a key
// that is not theirs, and that a caller shares no memory with the store.
func TestRestrictionsAreKept(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		ctx := t.Context()
		asked := func() apikey.Key {
			return apikey.Key{Enabled: true, Scopes: []string{"orders:*", "read"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
		}
		want := asked()
		mine := asked()
		k, _, err := keys.Create(ctx, mine)
		require.NoError(t, err)
		mine.Scopes[0], mine.Networks[0] = "*", netip.MustParsePrefix("0.0.0.0/0")
		imported, err := keys.Import(ctx, asked(), must(acme.New()))
		require.NoError(t, err)
		require.Equal(t, want.Scopes, imported.Scopes)
		require.Equal(t, want.Networks, imported.Networks)

		for what, change := range map[string]func() error{
			"rotate":  func() error { _, _, err := keys.Rotate(ctx, k.ID, time.Hour); return err },
			"disable": func() error { _, err := keys.Disable(ctx, k.ID); return err },
			"enable":  func() error { _, err := keys.Enable(ctx, k.ID); return err },
			"expire":  func() error { _, err := keys.Expire(ctx, k.ID, time.Time{}); return err },
			"update": func() error {
				_, err := keys.Update(ctx, k.ID, func(k *apikey.Key) error { k.Name = "x"; return nil })
				return err
			},
		} {
			require.NoError(t, change(), what)
			require.Equal(t, want.Scopes, st.keys[k.ID].Scopes, what)
			require.Equal(t, want.Networks, st.keys[k.ID].Networks, what)
		}

		copied := st.keys[k.ID].Clone()
		copied.Scopes[0], copied.Networks[0] = "*", netip.Prefix{}
		require.Equal(t, want.Scopes, st.keys[k.ID].Scopes)
		require.Equal(t, want.Networks, st.keys[k.ID].Networks)

		k, err = keys.Update(ctx, k.ID, func(k *apikey.Key) error { k.Scopes, k.Networks = []string{}, []netip.Prefix{}; return nil })
		require.NoError(t, err)
		require.Nil(t, k.Scopes)
		require.Nil(t, k.Networks)

		_, err = keys.Update(ctx, k.ID, func(k *apikey.Key) error { k.Scopes, k.Networks = []string{" "}, []netip.Prefix{{}}; return nil })
		require.ErrorContains(t, err, "scopes[0]: ")
		require.ErrorContains(t, err, "networks[0]: ")
	})
}

// TestRestrictionsJSON checks the JSON form, and that malformed lists are errors.
func TestRestrictionsJSON(t *testing.T) {
	k := apikey.Key{ID: "k", Scopes: []string{"orders:*"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}}
	text, err := json.Marshal(k)
	require.NoError(t, err)
	require.Contains(t, string(text), `"scopes":["orders:*"],"networks":["192.0.2.0/24","2001:db8::/32"]`)
	var back apikey.Key
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, k, back)

	for _, text := range []string{`{"networks": null}`, `{"networks": ["192.0.2.0"]}`, `{"networks": "192.0.2.0/24"}`, `{"networks": [null]}`, `{"scopes": null}`, `{"scopes": "a"}`, `{"scope": ["a"]}`} {
		require.ErrorIs(t, json.Unmarshal([]byte(text), new(apikey.Key)), apikey.ErrInvalid, text)
	}
}
