package apikey_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// formats lists Formats that a Service and a Gate may have.
var formats = []apikey.Format{
	{}, {Prefix: "key"}, {Prefix: "acme"}, {Prefix: "acme_live"}, {AcceptForeign: true}, {Prefix: "acme", AcceptForeign: true},
	{Prefix: "a"}, {Prefix: strings.Repeat("a", 32), AcceptForeign: true},
	{TagKeys: tagKeys("1")}, {Prefix: "acme", TagKeys: tagKeys("1")}, {Prefix: "acme", TagKeys: tagKeys("2")}, {TagKeys: tagKeys("2", "1")}, {TagKeys: tagKeys("2")},
	{TagKeys: tagKeys("1"), AcceptUntagged: true}, {Prefix: "acme", TagKeys: tagKeys("1"), AcceptUntagged: true},
	{TagKeys: tagKeys("1"), AcceptForeign: true},
	{Prefix: "acme", AcceptAnyPrefix: true}, {Prefix: "key", AcceptAnyPrefix: true},
	{Prefix: "acme", AcceptAnyPrefix: true, TagKeys: tagKeys("1")}, {Prefix: "acme", AcceptAnyPrefix: true, AcceptForeign: true},
}

// TestCovers checks every pair of Formats. If the Gate's Format covers the Service's, the
// Gate accepts all secrets that the Service creates or imports. If not, the Gate refuses
// one of them.
func TestCovers(t *testing.T) {
	secrets := []apikey.Secret{"legacy/key+value=2019"}
	for _, f := range formats {
		secret, err := f.New()
		require.NoError(t, err)
		secrets = append(secrets, secret)
	}
	for _, made := range formats {
		keys := must(apikey.NewService(newMapStore(), apikey.Config{KeyFormat: made}))
		require.Equal(t, made, keys.KeyFormat())
		_, secret, err := keys.Create(t.Context(), apikey.Key{})
		require.NoError(t, err)
		known := []apikey.Secret{secret}
		for _, s := range secrets {
			if _, err := keys.Import(t.Context(), apikey.Key{}, s); err == nil {
				known = append(known, s)
			}
		}
		for _, g := range formats {
			all := true
			for _, s := range known {
				all = all && g.Check(string(s)) == nil
			}
			require.Equal(t, all, g.Covers(made), "%+v, %+v", g, made)
		}
	}
}

// TestImportForm checks that a Service imports no secret that a Gate with the same Format
// would always refuse. The error says what is wanted.
func TestImportForm(t *testing.T) {
	ctx := t.Context()
	const want = "want a secret of the Format's own form, or AcceptForeign there and in the Gate's Format"
	for _, format := range []apikey.Format{{}, {Prefix: "other"}} {
		st := newMapStore()
		keys := must(apikey.NewService(st, apikey.Config{KeyFormat: format}))
		_, err := keys.Import(ctx, apikey.Key{}, "legacy/key+value=2019")
		require.ErrorIs(t, err, apikey.ErrMalformed)
		require.ErrorContains(t, err, want)
		_, err = keys.Import(ctx, apikey.Key{}, "short")
		require.EqualError(t, err, "apikey: invalid: apikey: malformed secret: length: "+want+", and 20 to 128 visible characters")
		_, err = keys.ImportDigest(ctx, apikey.Key{}, apikey.DigestOf("legacy/key+value=2019"))
		require.ErrorIs(t, err, apikey.ErrInvalid)
		require.ErrorContains(t, err, "digest: secret of unknown form: want AcceptForeign in the Format and in the Gate's")
		err = keys.CheckImport(apikey.Key{}, "legacy/key+value=2019")
		require.ErrorIs(t, err, apikey.ErrMalformed)
		require.ErrorContains(t, err, want)
		all := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}}))
		require.NoError(t, all.CheckImport(apikey.Key{}, "legacy/key+value=2019"))
		_, err = keys.Import(ctx, apikey.Key{}, good) // its prefix is "acme"
		if format.Prefix == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, `malformed secret: prefix: want "other", or AcceptAnyPrefix there and in the Gate's Format`)
		require.Empty(t, st.keys)
	}
}

// TestFormatValidate checks the rule of the prefix.
func TestFormatValidate(t *testing.T) {
	for _, f := range formats {
		require.NoError(t, f.Validate())
	}
	for _, prefix := range []string{"acme corp", strings.Repeat("a", 33), "é"} {
		err := apikey.Format{Prefix: prefix, AcceptForeign: true}.Validate()
		require.ErrorIs(t, err, apikey.ErrInvalid)
		require.ErrorContains(t, err, "prefix: ")
	}
}
