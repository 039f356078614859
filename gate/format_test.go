package gate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
)

// TestOneFormat checks that a Service and a Gate with the same Format agree on every
// key, whether it was created, rotated or imported.
func TestOneFormat(t *testing.T) {
	legacy := apikey.Secret("legacy/key+value=2019")
	for _, format := range []apikey.Format{{}, {Prefix: "acme"}, {AcceptForeign: true}, {Prefix: "acme", AcceptForeign: true}} {
		h := newFixture(t, func(cfg *parts) { cfg.KeyFormat = format })
		h.keys = must(apikey.NewService(h.st, apikey.Config{KeyFormat: format}))
		require.Equal(t, format, h.gate.KeyFormat())
		known := map[apikey.Secret]bool{}
		k, secret := h.key("made")
		known[secret] = true
		_, rotated, err := h.keys.Rotate(t.Context(), k.ID, 0)
		require.NoError(t, err)
		known[secret], known[rotated] = false, true
		_, err = h.keys.Import(t.Context(), apikey.Key{Enabled: true}, legacy)
		known[legacy] = err == nil
		other := apikey.Secret("another/key+value=2019")
		_, err = h.keys.ImportDigest(t.Context(), apikey.Key{Enabled: true}, apikey.DigestOf(string(other)))
		known[other] = err == nil
		for secret, ok := range map[apikey.Secret]bool{legacy: format.AcceptForeign, other: format.AcceptForeign} {
			require.Equal(t, ok, known[secret], "%+v", format)
		}
		for secret, ok := range known {
			want := gate.Unknown
			if ok {
				want = gate.NoPlan
			}
			require.Equal(t, want, h.reason(secret), "%+v: %s", format, secret)
		}
	}
}

// TestGateFormat checks that New refuses a Format that no key can have.
func TestGateFormat(t *testing.T) {
	st := memory.New(memory.Config{})
	_, err := gate.New(st, st, st, gate.Config{KeyFormat: apikey.Format{Prefix: "acme corp"}})
	require.ErrorIs(t, err, gate.ErrInvalid)
	require.ErrorContains(t, err, `prefix: "acme corp": want 1 to 32`)
}
