package apikey_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/leak"
)

// tagKey returns the key that is the SHA-256 of a name.
func tagKey(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

func tagKeys(names ...string) *apikey.TagKeys {
	var keys [][]byte
	for _, name := range names {
		keys = append(keys, tagKey(name))
	}
	return must(apikey.NewTagKeys(keys...))
}

// newSecret returns a new secret of a Format.
func newSecret(f apikey.Format) string { return string(must(f.New())) }

// TestTag computes tags anew, by the definition in TagKeys.
func TestTag(t *testing.T) {
	const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for range 200 {
		s := newSecret(apikey.Format{Prefix: "acme", TagKeys: tagKeys("new", "old")})
		require.Regexp(t, `^acme_[0-9A-Za-z]{38}$`, s)
		mac := hmac.New(sha256.New, tagKey("new"))
		mac.Write([]byte(s[:len("acme_")+22]))
		n := new(big.Int).SetBytes(mac.Sum(nil)[:8])
		want, digit := "", new(big.Int)
		for range 10 {
			n.DivMod(n, big.NewInt(62), digit)
			want = base62[digit.Int64():][:1] + want
		}
		require.Equal(t, want, s[len("acme_")+22:][:10])
	}
}

// TestCheckTag is a timeline: a service begins to use tags, replaces their key, and drops
// the old one.
func TestCheckTag(t *testing.T) {
	made := map[string]string{
		"untagged": newSecret(acme),
		"old":      newSecret(apikey.Format{Prefix: "acme", TagKeys: tagKeys("old")}),
		"new":      newSecret(apikey.Format{Prefix: "acme", TagKeys: tagKeys("new")}),
		"others":   newSecret(apikey.Format{Prefix: "acme", TagKeys: tagKeys("others")}),
		"prefix":   newSecret(apikey.Format{Prefix: "key", TagKeys: tagKeys("old")}),
	}
	for _, step := range []struct {
		name   string
		format apikey.Format
		good   []string
	}{
		{"no tags", acme, []string{"untagged", "old", "new", "others"}},
		{"tags begin", apikey.Format{Prefix: "acme", TagKeys: tagKeys("old"), AcceptUntagged: true}, []string{"untagged", "old", "new", "others"}},
		{"old secrets are gone", apikey.Format{Prefix: "acme", TagKeys: tagKeys("old")}, []string{"old"}},
		{"a second key", apikey.Format{Prefix: "acme", TagKeys: tagKeys("old", "new")}, []string{"old", "new"}},
		{"it comes first", apikey.Format{Prefix: "acme", TagKeys: tagKeys("new", "old")}, []string{"old", "new"}},
		{"the old key is gone", apikey.Format{Prefix: "acme", TagKeys: tagKeys("new")}, []string{"new"}},
		{"any prefix", apikey.Format{TagKeys: tagKeys("old")}, []string{"old", "prefix"}},
		{"foreign", apikey.Format{TagKeys: tagKeys("old"), AcceptForeign: true}, []string{"untagged", "old", "new", "others", "prefix"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			require.NoError(t, step.format.Validate())
			for name, s := range made {
				err := step.format.Check(s)
				if slices.Contains(step.good, name) {
					require.NoError(t, err, name)
					continue
				}
				require.ErrorIs(t, err, apikey.ErrMalformed, name)
			}
			require.NoError(t, step.format.Check(newSecret(step.format)))
		})
	}
	require.EqualError(t, apikey.Format{TagKeys: tagKeys("x")}.Check(made["old"]), "apikey: malformed secret: tag")
}

// TestForgedTags makes secrets with right checksums, and those of a good secret with one
// character changed and the checksum corrected. None of them passes.
func TestForgedTags(t *testing.T) {
	tagged := apikey.Format{Prefix: "acme", TagKeys: tagKeys("k")}
	for range 10_000 {
		require.Error(t, tagged.Check(newSecret(acme)))
	}
	good := newSecret(tagged)
	for i := len("acme_"); i < len("acme_")+32; i++ {
		forged := []byte(good[:len("acme_")+32])
		forged[i] = map[bool]byte{true: '1', false: '0'}[forged[i] == '0']
		s := string(forged) + checksum(string(forged))
		require.NoError(t, acme.Check(s))
		require.ErrorIs(t, tagged.Check(s), apikey.ErrMalformed, i)
	}
}

// TestTaggedService creates, rotates, verifies and imports with tags.
func TestTaggedService(t *testing.T) {
	ctx := t.Context()
	tagged := apikey.Format{Prefix: "acme", TagKeys: tagKeys("k")}
	st := newMapStore()
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: tagged}))
	k, first, err := keys.Create(ctx, apikey.Key{Enabled: true})
	require.NoError(t, err)
	_, second, err := keys.Rotate(ctx, k.ID, 0)
	require.NoError(t, err)
	for _, s := range []apikey.Secret{first, second} {
		require.NoError(t, tagged.Check(string(s)))
		require.Equal(t, "acme_…"+string(s[len(s)-4:]), s.String())
	}
	_, err = keys.Verify(ctx, second)
	require.NoError(t, err)
	_, err = keys.Verify(ctx, apikey.Secret(newSecret(acme)))
	require.ErrorIs(t, err, apikey.ErrNotFound)
	require.ErrorIs(t, err, apikey.ErrMalformed)

	_, err = keys.Import(ctx, apikey.Key{}, apikey.Secret(newSecret(acme)))
	require.ErrorIs(t, err, apikey.ErrInvalid)
	require.ErrorContains(t, err, "tag: want a tag of one of the TagKeys, or AcceptUntagged")
	_, err = keys.Import(ctx, apikey.Key{}, apikey.Secret(newSecret(tagged)))
	require.NoError(t, err)
	tagged.AcceptUntagged = true
	keys = must(apikey.NewService(st, apikey.Config{KeyFormat: tagged}))
	_, err = keys.Import(ctx, apikey.Key{}, apikey.Secret(newSecret(acme)))
	require.NoError(t, err)
}

func TestTagKeysAreChecked(t *testing.T) {
	for want, keys := range map[string][][]byte{
		"tagKeys: 0: want 1 to 8":                                        {},
		"tagKeys[0]: 31 bytes: want 32 to 64 random bytes":               {tagKey("a")[:31]},
		"tagKeys[1]: 65 bytes: want 32 to 64 random bytes":               {tagKey("a"), make([]byte, 65)},
		"tagKeys[1]: one byte repeated: want random bytes":               {tagKey("a"), bytes.Repeat([]byte("x"), 32)},
		"tagKeys[2]: same as tagKeys[0]: want each key once":             {tagKey("a"), tagKey("b"), tagKey("a")},
		"tagKeys: 9: want 1 to 8":                                        {tagKey("1"), tagKey("2"), tagKey("3"), tagKey("4"), tagKey("5"), tagKey("6"), tagKey("7"), tagKey("8"), tagKey("9")},
		"tagKeys[0]: 0 bytes: want 32 to 64 random bytes":                {nil},
		"tagKeys[0]: 1 bytes: want 32 to 64 random bytes\ntagKeys[1]: 1": {{1}, {2}},
	} {
		_, err := apikey.NewTagKeys(keys...)
		require.ErrorIs(t, err, apikey.ErrInvalid, want)
		require.ErrorContains(t, err, want)
	}
	for _, f := range []apikey.Format{{TagKeys: new(apikey.TagKeys)}, {AcceptUntagged: true}} {
		require.ErrorIs(t, f.Validate(), apikey.ErrInvalid)
		_, err := f.New()
		require.ErrorIs(t, err, apikey.ErrInvalid)
		_, err = apikey.NewService(newMapStore(), apikey.Config{KeyFormat: f})
		require.ErrorIs(t, err, apikey.ErrInvalid)
	}

	key := tagKey("a")
	kept := must(apikey.NewTagKeys(key))
	s := newSecret(apikey.Format{TagKeys: kept})
	clear(key) // the caller's slice
	require.NoError(t, apikey.Format{TagKeys: tagKeys("a")}.Check(s))
	require.NoError(t, apikey.Format{TagKeys: kept}.Check(s))
}

func TestParseTagKeys(t *testing.T) {
	line := func(name string) string { return base64.StdEncoding.EncodeToString(tagKey(name)) }
	s := newSecret(apikey.Format{TagKeys: tagKeys("new")})
	keys, err := apikey.ParseTagKeys("# since June\n" + line("new") + "\r\n\n  " + line("old") + "  ")
	require.NoError(t, err)
	require.NoError(t, apikey.Format{TagKeys: keys}.Check(s))
	require.True(t, apikey.Format{TagKeys: keys}.Covers(apikey.Format{TagKeys: tagKeys("old", "new")}))
	require.Equal(t, "apikey.TagKeys(2)", keys.String())

	for text, want := range map[string]string{
		"":                                  "tagKeys: 0: want 1 to 8",
		"# none\n":                          "tagKeys: 0: want 1 to 8",
		line("a") + "\nhunter2-hunter2\n":   "tagKeys: line 2: want a key in base64",
		line("a") + "\n" + line("a") + "\n": "tagKeys[1]: same as tagKeys[0]",
		"AAAA":                              "tagKeys[0]: 3 bytes: want 32 to 64 random bytes",
	} {
		_, err := apikey.ParseTagKeys(text)
		require.ErrorIs(t, err, apikey.ErrInvalid, text)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "hunter2")
	}

	var config struct{ Keys *apikey.TagKeys }
	require.NoError(t, json.Unmarshal([]byte(`{"Keys":"`+line("new")+`"}`), &config))
	require.NoError(t, apikey.Format{TagKeys: config.Keys}.Check(s))
	shown, err := json.Marshal(config)
	require.NoError(t, err)
	require.Equal(t, `{"Keys":"apikey.TagKeys(1)"}`, string(shown))
	require.Error(t, json.Unmarshal(shown, &config), "what is shown is no key")
}

// TestTagKeysAreNeverShown prints TagKeys and all that holds them.
func TestTagKeysAreNeverShown(t *testing.T) {
	const key = "hunter2passhunter2passhunter2pas"
	keys := must(apikey.NewTagKeys([]byte(key)))
	format := apikey.Format{Prefix: "acme", TagKeys: keys}
	config := apikey.Config{KeyFormat: format}
	service := must(apikey.NewService(newMapStore(), config))
	leak.Check(t, key, map[string]any{
		"TagKeys": keys, "value": *keys, "Format": format, "pointer": &format, "Config": config, "Service": service,
		"in a struct": struct{ f apikey.Format }{format}, "value in a struct": struct{ K apikey.TagKeys }{*keys},
		"slice": []apikey.TagKeys{*keys},
	})
	require.Equal(t, "apikey.TagKeys(1)", fmt.Sprintf("%x", keys))
}

// TestTagIsCheapToRefuse bounds what a flood of forged secrets allocates.
func TestTagIsCheapToRefuse(t *testing.T) {
	tagged := apikey.Format{Prefix: "acme", TagKeys: tagKeys("k")}
	forged := newSecret(acme)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = tagged.Check(forged) }), 8.0)
}

func BenchmarkCheckTag(b *testing.B) {
	tagged := apikey.Format{Prefix: "acme", TagKeys: tagKeys("k")}
	forged := newSecret(acme)
	b.ReportAllocs()
	for b.Loop() {
		_ = tagged.Check(forged)
	}
}
