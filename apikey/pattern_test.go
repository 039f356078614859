package apikey_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestPattern compares the pattern of formats with the secrets that they create, in texts
// where secrets are found.
func TestPattern(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "acme", "acme_live", "acme-live_2", "-", "Z", strings.Repeat("p_", 16)} {
		f := apikey.Format{Prefix: prefix}
		pattern := regexp.MustCompile(f.Pattern())
		for range 200 {
			secret := string(must(f.New()))
			for _, text := range []string{secret, "key=" + secret, "key%3D" + secret + "%26", `"\n` + secret + `\n"`, "_" + secret + "_", "x-api-key:" + secret + "\r\n"} {
				require.Equal(t, secret, pattern.FindString(text), "in %q", text)
			}
			require.False(t, pattern.MatchString(secret[:len(secret)-1]), "a character is missing")
			require.False(t, pattern.MatchString(strings.Replace(secret, "_"+secret[len(secret)-38:], "-"+secret[len(secret)-38:], 1)), "no underscore before the random part")
			require.False(t, pattern.MatchString(secret[:len(secret)-3]+"_"+secret[len(secret)-2:]), "a character that is not of base62")
			if prefix == "acme_live" {
				require.False(t, pattern.MatchString("acme_test"+strings.TrimPrefix(secret, prefix)), "another prefix")
			}
		}
	}
}

// TestHasOwnPrefix lists prefixes that a scanner can and cannot tell from those of
// others.
func TestHasOwnPrefix(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]bool{"": false, "key": false, "acme": true, "acme_key": true} {
		require.Equal(t, want, apikey.Format{Prefix: prefix}.HasOwnPrefix(), "%q", prefix)
	}
}
