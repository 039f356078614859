package plans_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
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

// BenchmarkPrune compares a store with a file that has its keys and none of its groups
// and plans.
func BenchmarkPrune(b *testing.B) {
	for _, number := range []int{1000, 4000} {
		_, s := open(b, memory.New(memory.Config{}))
		text := strings.Builder{}
		text.WriteString("groups: []\nplans: [{id: kept}]\nkeys:\n")
		for i := range number {
			id := fmt.Sprint(i)
			_, err := s.Plans.Create(b.Context(), usageplan.Plan{ID: "p" + id})
			require.NoError(b, err)
			_, err = s.Groups.Create(b.Context(), usageplan.Group{ID: "g" + id})
			require.NoError(b, err)
			digest, _ := apikey.DigestOf(id).MarshalText()
			fmt.Fprintf(&text, "  - {id: k%s, enabled: true, digest: %q}\n", id, digest)
		}
		text.WriteString("links:\n")
		for i := range number {
			fmt.Fprintf(&text, "  - {planId: kept, keyId: k%d}\n", i)
		}
		f, err := plans.Parse("", []byte(text.String()))
		require.NoError(b, err)
		_, err = plans.Apply(b.Context(), s, f, plans.Config{})
		require.NoError(b, err)
		b.Run(fmt.Sprint(number), func(b *testing.B) {
			for b.Loop() {
				d, err := plans.Diff(b.Context(), s, f, plans.Config{Prune: true})
				require.NoError(b, err)
				require.Len(b, d.Changes, 2*number)
			}
		})
	}
}
