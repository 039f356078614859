package plans_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/plans"
)

// BenchmarkKeys parses a file of 10,000 keys with a link each, applies it to an empty
// store over Redis, and compares it again.
func BenchmarkKeys(b *testing.B) {
	const keys = 10_000
	text := strings.Builder{}
	text.WriteString("plans: [{id: p, quotas: [1/day]}]\nkeys:\n")
	for i := range keys {
		digest, _ := apikey.DigestOf(fmt.Sprint(i)).MarshalText()
		fmt.Fprintf(&text, "  - {id: k%d, enabled: true, digest: %q}\n", i, digest)
	}
	text.WriteString("links:\n")
	for i := range keys {
		fmt.Fprintf(&text, "  - {planId: p, keyId: k%d}\n", i)
	}
	f, err := plans.Parse("", []byte(text.String()))
	require.NoError(b, err)
	b.Run("Parse", func(b *testing.B) {
		for b.Loop() {
			_, err := plans.Parse("", []byte(text.String()))
			require.NoError(b, err)
		}
	})
	_, s := open(b, overRedis(b, redistest.Start(b)))
	b.Run("Apply", func(b *testing.B) {
		for b.Loop() { // the first one creates all
			_, err := plans.Apply(b.Context(), s, f, plans.Config{})
			require.NoError(b, err)
		}
	})
	b.Run("Diff", func(b *testing.B) {
		for b.Loop() {
			d, err := plans.Diff(b.Context(), s, f, plans.Config{})
			require.NoError(b, err)
			require.True(b, d.Empty())
		}
	})
	b.Run("Export", func(b *testing.B) {
		for b.Loop() {
			f, err := plans.Export(b.Context(), s, plans.ExportConfig{})
			require.NoError(b, err)
			_, err = f.YAML()
			require.NoError(b, err)
		}
	})
}
