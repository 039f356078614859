package apikey_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

func newSeal(t *testing.T, key string) cipher.AEAD {
	block, err := aes.NewCipher([]byte(key))
	require.NoError(t, err)
	seal, err := cipher.NewGCM(block)
	require.NoError(t, err)
	return seal
}

// TestReveal checks that only a Service with the right Seal shows secrets again.
func TestReveal(t *testing.T) {
	ctx, st := t.Context(), newMapStore()
	sealing := must(apikey.NewService(st, apikey.Config{KeyFormat: foreign, Seal: newSeal(t, "0123456789abcdef")}))
	plain := must(apikey.NewService(st, apikey.Config{}))
	other := must(apikey.NewService(st, apikey.Config{Seal: newSeal(t, "fedcba9876543210")}))

	k, secret := mustCreate(t, sealing, "sealed")
	foreign, err := sealing.Import(ctx, apikey.Key{}, "a-secret-from-elsewhere")
	require.NoError(t, err)
	for id, want := range map[string]apikey.Secret{k.ID: secret, foreign.ID: "a-secret-from-elsewhere"} {
		got, err := sealing.Reveal(ctx, id)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
		for _, s := range []*apikey.Service{plain, other} {
			_, err = s.Reveal(ctx, id)
			require.ErrorIs(t, err, apikey.ErrSealed)
			require.NotContains(t, err.Error(), string(want))
		}
	}
	_, rotated, err := sealing.Rotate(ctx, k.ID, time.Hour)
	require.NoError(t, err)
	got, err := sealing.Reveal(ctx, k.ID)
	require.NoError(t, err)
	require.Equal(t, string(rotated), string(got))

	stored, err := st.Key(ctx, k.ID)
	require.NoError(t, err)
	text, err := json.Marshal(stored)
	require.NoError(t, err)
	require.NotContains(t, string(text), string(rotated))
	stolen := stored
	stolen.ID = foreign.ID // the secret was sealed for another key
	_, err = sealing.Unseal(&stolen)
	require.ErrorIs(t, err, apikey.ErrSealed)

	_, _, err = plain.Rotate(ctx, k.ID, 0)
	require.NoError(t, err)
	_, err = sealing.Reveal(ctx, k.ID)
	require.ErrorIs(t, err, apikey.ErrSealed, "the current secret was not sealed")
	_, err = sealing.Reveal(ctx, "nobody")
	require.ErrorIs(t, err, apikey.ErrNotFound)
}

// TestTags checks the bounds of tags in AWS.
func TestTags(t *testing.T) {
	many := apikey.Tags{}
	for i := range 51 {
		many[strings.Repeat("x", i+1)] = ""
	}
	for _, test := range []struct {
		tags apikey.Tags
		want string // part of the error, or empty for valid tags
	}{
		{nil, ""},
		{apikey.Tags{"Team é 1": "a.b:c+d=e@f_g/h-i", "n": ""}, ""},
		{apikey.Tags{strings.Repeat("x", 128): strings.Repeat("y", 256)}, ""},
		{apikey.Tags{strings.Repeat("x", 129): ""}, "name"},
		{apikey.Tags{"n": strings.Repeat("y", 257)}, `value of "n"`},
		{apikey.Tags{"": ""}, `name ""`},
		{apikey.Tags{"AWS:n": ""}, `name "AWS:n"`},
		{apikey.Tags{"a;b": ""}, `name "a;b"`},
		{apikey.Tags{"n": "\xff"}, `value of "n"`},
		{many, "51 of them"},
	} {
		err := test.tags.Validate()
		if test.want == "" {
			assert.NoError(t, err)
			continue
		}
		assert.ErrorIs(t, err, apikey.ErrInvalid)
		assert.ErrorContains(t, err, test.want)
	}
	keys := must(apikey.NewService(newMapStore(), apikey.Config{}))
	tags := apikey.Tags{"team": "a"}
	k, _, err := keys.Create(t.Context(), apikey.Key{Tags: tags, CustomerID: "c"})
	require.NoError(t, err)
	tags["team"] = "changed"
	require.Equal(t, apikey.Tags{"team": "a"}, k.Tags)
	_, _, err = keys.Create(t.Context(), apikey.Key{Tags: apikey.Tags{"": ""}, CustomerID: strings.Repeat("x", 1025)})
	require.ErrorContains(t, err, "customerId")
	require.ErrorContains(t, err, "tags")
	_, err = keys.Update(t.Context(), k.ID, func(k *apikey.Key) error {
		k.Tags["team"] = "b"
		return apikey.ErrExpired // any error
	})
	require.ErrorIs(t, err, apikey.ErrExpired)
	again, err := keys.Get(t.Context(), k.ID)
	require.NoError(t, err)
	require.Equal(t, k, again)
}
