package apikey_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

func TestCreate(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		pass(1234567 * time.Nanosecond)
		now := time.Now().UTC().Truncate(time.Microsecond)
		asked := apikey.Key{
			Name: "my-api-key", Description: "first\nsecond", Enabled: true,
			Expires: time.Now().Add(time.Hour).In(time.FixedZone("CET", 3600)),
			// Create ignores these fields.
			Hint: "x", Digest: apikey.DigestOf("x"), Retiring: apikey.DigestOf("y"), RetiringUntil: now.Add(time.Hour),
			Created: now.Add(-time.Hour), Updated: now.Add(-time.Hour), Version: 7,
		}
		k, secret, err := keys.Create(t.Context(), asked)
		require.NoError(t, err)
		require.NoError(t, acme.Check(string(secret)))
		assert.Regexp(t, `^[a-z2-7]{16}$`, k.ID)
		assert.Equal(t, apikey.Key{
			ID: k.ID, Name: "my-api-key", Description: "first\nsecond", Enabled: true, Expires: now.Add(time.Hour),
			Hint: secret.String(), Digest: apikey.DigestOf(string(secret)), Created: now, Updated: now, Version: 1,
		}, k)

		stored, err := keys.Get(t.Context(), k.ID)
		require.NoError(t, err)
		assert.Equal(t, k, stored)
		assert.NoError(t, verify(t, st, secret))
		pass(time.Hour)
		assert.ErrorIs(t, verify(t, st, secret), apikey.ErrExpired)
	})
}

func TestCreateIsDisabledByDefault(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, secret, err := keys.Create(t.Context(), apikey.Key{})
		require.NoError(t, err)
		assert.False(t, k.Enabled)
		assert.ErrorIs(t, verify(t, st, secret), apikey.ErrDisabled)
		_, err = keys.Enable(t.Context(), k.ID)
		require.NoError(t, err)
		assert.NoError(t, verify(t, st, secret))
	})
}

func TestCreateWithID(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, _ *mapStore) {
		k, _, err := keys.Create(t.Context(), apikey.Key{ID: "Customer-1_a"})
		require.NoError(t, err)
		assert.Equal(t, "Customer-1_a", k.ID)

		k, secret, err := keys.Create(t.Context(), apikey.Key{ID: "Customer-1_a"})
		require.ErrorIs(t, err, apikey.ErrExists)
		assert.Zero(t, k)
		assert.Empty(t, string(secret))
	})
}

func TestCreateRefuses(t *testing.T) {
	long := strings.Repeat("é", 1025)
	for _, c := range []struct {
		name string
		key  apikey.Key
		want string // part of the error; if empty, the key is valid
	}{
		{"longest name", apikey.Key{Name: long[2:]}, ""},
		{"name too long", apikey.Key{Name: long}, "name: \"" + long[:80] + "\": 1025 characters: want at most 1024"},
		{"name of two lines", apikey.Key{Name: "a\nb"}, `name: "a\nb": want UTF-8 without control characters`},
		{"name with DEL", apikey.Key{Name: "\x7f"}, `name: "\x7f": want UTF-8 without`},
		{"name not UTF-8", apikey.Key{Name: "\xff"}, `name: "\xff": want UTF-8 without`},
		{"longest description", apikey.Key{Description: strings.Repeat("é", 125_000)}, ""},
		{"description too long", apikey.Key{Description: strings.Repeat("é", 125_001)}, "125001 characters: want at most 125000"},
		{"description not UTF-8", apikey.Key{Description: "\xff"}, `description: "\xff": want UTF-8`},
		{"longest id", apikey.Key{ID: strings.Repeat("x", 64)}, ""},
		{"id too long", apikey.Key{ID: strings.Repeat("x", 65)}, "want 1 to 64 ASCII letters"},
		{"id with a slash", apikey.Key{ID: "a/b"}, `id: "a/b": want 1 to 64 ASCII letters, digits, '_' and '-'`},
		{"latest expiry", apikey.Key{Expires: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}, ""},
		{"expiry too late", apikey.Key{Expires: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}, "expires: year 10000: want 1 to 9999"},
		{"expiry too late in UTC", apikey.Key{Expires: time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600))},
			"expires: year 10000"},
		{"expiry too early", apikey.Key{Expires: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}, "expires: year 0"},
		{"expired", apikey.Key{Expires: time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)},
			"expires: 1999-12-31 00:00:00 +0000 UTC: want a time in the future"},
		{"expires in the zero time once it is rounded", apikey.Key{Expires: time.Time{}.Add(time.Microsecond - 1)}, "expires: 0001-01-01 00:00:00.000000999 +0000 UTC: want at least a microsecond after the zero time"},
		{"expires now", apikey.Key{Expires: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}, "want a time in the future"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
				_, secret, err := keys.Create(t.Context(), c.key)
				if c.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, apikey.ErrInvalid)
				assert.ErrorContains(t, err, c.want)
				assert.Less(t, len(err.Error()), 400, "long values are cut")
				assert.Empty(t, string(secret))
				assert.Empty(t, st.keys)
			})
		})
	}
}

func TestCreateReportsAllFaults(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		_, _, err := keys.Create(t.Context(), apikey.Key{ID: "a b", Name: "a\n", Description: "\xff", Expires: time.Unix(0, 0)})
		require.ErrorIs(t, err, apikey.ErrInvalid)
		for _, field := range []string{"id:", "name:", "description:", "expires:"} {
			assert.ErrorContains(t, err, field)
		}
		assert.Equal(t, 1, strings.Count(err.Error(), apikey.ErrInvalid.Error()))

		_, _, err = keys.Rotate(t.Context(), "any", -time.Second)
		require.ErrorIs(t, err, apikey.ErrInvalid)
		assert.ErrorContains(t, err, "grace: -1s: want 0 or more")
	})
}
