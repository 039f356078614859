package gate

import (
	"strings"
	"testing"

	"github.com/dchest/siphash"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestFingerprint computes fingerprints of texts of many lengths. Nothing of a text is
// left out, nothing is added, and nothing is allocated.
func TestFingerprint(t *testing.T) {
	prints, seen := newFingerprinter(), map[fingerprint]string{}
	for n := range 600 {
		for _, text := range []string{strings.Repeat("x", n), strings.Repeat("x", n) + "\x00"} {
			head, tail := siphash.Hash128(prints.ids.k0, prints.ids.k1, []byte(text))
			require.Equal(t, fingerprint{head, tail}, prints.ofID(text))

			f := prints.ofSecret(apikey.Secret(text))
			require.Equal(t, f, prints.ofSecret(apikey.Secret(text)))
			require.NotContains(t, seen, f, "%q and %q", text, seen[f])
			seen[f] = text
			require.Zero(t, testing.AllocsPerRun(1, func() { prints.ofSecret(apikey.Secret(text)) }), "%d bytes", len(text))
		}
	}
}

// TestFingerprintKeys compares the fingerprints of one text under all keys that two Gates
// have. Nothing that is learnt of one says anything of the others: that of an ID, which
// is public, is not that of a secret, and no other Gate has the same.
func TestFingerprintKeys(t *testing.T) {
	seen := map[fingerprint]bool{}
	for range 2 {
		g := newResolver(nil, manyPlans{}, Config{}).fingerprints
		for _, f := range []fingerprint{g.ofID("acme"), g.ofSecret("acme")} {
			require.NotZero(t, f.head)
			require.NotZero(t, f.tail)
			require.False(t, seen[f])
			seen[f] = true
		}
	}
	require.Len(t, seen, 4)
}

func BenchmarkFingerprint(b *testing.B) {
	prints, secret := newFingerprinter(), apikey.Secret("acme_"+strings.Repeat("x", 38))
	b.ReportAllocs()
	for b.Loop() {
		prints.ofSecret(secret)
	}
}
