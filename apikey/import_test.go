package apikey_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestCheckImport checks that CheckImport refuses the same as Import, and that it does
// not touch the store.
func TestCheckImport(t *testing.T) {
	st := newMapStore()
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}}))
	const secret = "legacy/key+value=2019"
	for name, c := range map[string]struct {
		key    apikey.Key
		secret apikey.Secret
		want   string // part of the error; if empty, Import accepts the secret
	}{
		"good":         {key: apikey.Key{Name: "n"}, secret: secret},
		"an ID":        {key: apikey.Key{ID: "id"}, secret: secret},
		"a bad ID":     {key: apikey.Key{ID: "i d"}, secret: secret, want: `apikey: invalid: id: "i d": want 1 to 64`},
		"a bad name":   {key: apikey.Key{Name: "\x00"}, secret: secret, want: "apikey: invalid: name: "},
		"expired":      {key: apikey.Key{Expires: time.Unix(0, 0)}, secret: secret, want: "apikey: invalid: expires: "},
		"a bad secret": {secret: "short", want: "apikey: invalid: apikey: malformed secret: "},
	} {
		t.Run(name, func(t *testing.T) {
			err := keys.CheckImport(c.key, c.secret)
			require.Empty(t, st.keys)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, apikey.ErrInvalid)
			require.ErrorContains(t, err, c.want)
			_, imported := keys.Import(t.Context(), c.key, c.secret)
			require.EqualError(t, imported, err.Error())
		})
	}
}

// TestGetBySecret checks that a disabled key is found by its current and by its retiring
// secret.
func TestGetBySecret(t *testing.T) {
	keys := must(apikey.NewService(newMapStore(), apikey.Config{}))
	k, old, err := keys.Create(t.Context(), apikey.Key{Name: "n"})
	require.NoError(t, err)
	k, current, err := keys.Rotate(t.Context(), k.ID, time.Hour)
	require.NoError(t, err)
	for _, secret := range []apikey.Secret{old, current} {
		got, err := keys.GetBySecret(t.Context(), secret)
		require.NoError(t, err)
		require.Equal(t, k.ID, got.ID)
	}
	_, err = keys.GetBySecret(t.Context(), "key_unknown")
	require.ErrorIs(t, err, apikey.ErrNotFound)
}
