package apikey_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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

func TestImport(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		secret := apikey.Secret("legacy/key+value=2019")
		k, err := keys.Import(t.Context(), apikey.Key{Name: "old customer", Enabled: true, Version: 9}, secret)
		require.NoError(t, err)
		now := time.Now().UTC()
		assert.Equal(t, apikey.Key{
			ID: k.ID, Name: "old customer", Enabled: true, Hint: "…",
			Digest: apikey.DigestOf("legacy/key+value=2019"), Created: now, Updated: now, Version: 1,
		}, k)
		assert.NoError(t, verify(t, st, secret))

		_, err = keys.Import(t.Context(), apikey.Key{Name: "again"}, secret)
		assert.ErrorIs(t, err, apikey.ErrExists)
		assert.Len(t, st.keys, 1)

		k, err = keys.Import(t.Context(), apikey.Key{Name: "of our own form"}, good)
		require.NoError(t, err)
		assert.Equal(t, "acme_…B32S", k.Hint)
	})
}

func TestImportRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		for _, secret := range []apikey.Secret{
			"", "1234567890123456789", "1234567890 1234567890", "1234567890\n1234567890", "1234567890\xe91234567890", "1234567890\u200b1234567890",
			apikey.Secret(strings.Repeat("x", 129)),
		} {
			_, err := keys.Import(t.Context(), apikey.Key{Name: "a\n"}, secret)
			require.ErrorIs(t, err, apikey.ErrInvalid)
			require.ErrorIs(t, err, apikey.ErrMalformed)
			assert.ErrorContains(t, err, "name:")
			assert.ErrorContains(t, err, wantForeign)
			assert.False(t, secret != "" && strings.Contains(err.Error(), string(secret)))
		}
		assert.Empty(t, st.keys)
	})
}

func TestImportDigest(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		secret := apikey.Secret("known to the customer only")
		k, err := keys.ImportDigest(t.Context(), apikey.Key{Name: "n", Enabled: true}, apikey.DigestOf(string(secret)))
		require.NoError(t, err)
		assert.Empty(t, k.Hint)
		assert.NoError(t, verify(t, st, secret))
		_, err = keys.ImportDigest(t.Context(), apikey.Key{}, k.Digest)
		assert.ErrorIs(t, err, apikey.ErrExists)
		_, err = keys.ImportDigest(t.Context(), apikey.Key{Name: "a\n"}, apikey.Digest{})
		assert.ErrorIs(t, err, apikey.ErrInvalid)
		assert.ErrorContains(t, err, "name:")
		assert.ErrorContains(t, err, "digest: zero")
		_, err = keys.Reveal(t.Context(), k.ID)
		assert.ErrorIs(t, err, apikey.ErrSealed)
		assert.Len(t, st.keys, 1)
	})
}
