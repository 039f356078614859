package apigateway_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestRestrictionsAreKept changes a key that has scopes and networks. No answer shows
// them, and they stay.
func TestRestrictionsAreKept(t *testing.T) {
	h := newHarness(t)
	scopes, networks := []string{"orders:*"}, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	k, _, err := h.keys.Create(t.Context(), apikey.Key{Name: "k", Enabled: true, Scopes: scopes, Networks: networks})
	require.NoError(t, err)

	for _, body := range []map[string]any{
		h.ok(200, "GET /apikeys/"+k.ID, "").body,
		h.ok(200, "PATCH /apikeys/"+k.ID, patch("replace /name n", "replace /enabled false")).body,
		h.ok(200, "GET /apikeys", "").body["item"].([]any)[0].(map[string]any),
	} {
		require.NotContains(t, body, "scopes")
		require.NotContains(t, body, "networks")
	}
	got, err := h.keys.Get(t.Context(), k.ID)
	require.NoError(t, err)
	require.Equal(t, "n", got.Name)
	require.Equal(t, scopes, got.Scopes)
	require.Equal(t, networks, got.Networks)
	h.ok(400, "PATCH /apikeys/"+k.ID, patch("replace /scopes admin"))
}
