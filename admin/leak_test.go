package admin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/internal/sampledata"
)

// TestNothingShowsASecret prints every public struct. Neither a password nor the key of
// the forms may show.
func TestNothingShowsASecret(t *testing.T) {
	const password, formKey = "correct-horse-battery", "a key of many bytes"
	cfg := admin.Config{FormKey: []byte(formKey)}
	b := must(admin.NewBasic(map[string]string{"ada": password}, admin.BasicConfig{}))
	f := newFixture(t)
	h := must(admin.New(f.keys, f.plans, f.groups, f.gate, b, cfg))
	values := map[string]any{"Config": cfg, "Handler": h, "Basic": b, "BasicConfig": admin.BasicConfig{}}
	leak.Complete(t, values)
	leak.Check(t, password, values)
	leak.Check(t, formKey, values)
}

// TestPagesShowNoDigest looks for digests of secrets on the pages.
func TestPagesShowNoDigest(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, sampledata.Fill(t.Context(), f.st, 12, time.Now()))
	keys, _, err := f.keys.List(t.Context(), apikey.Filter{}, "", 0)
	require.NoError(t, err)
	for _, k := range keys {
		_, err := f.keys.Disable(t.Context(), k.ID)
		require.NoError(t, err)
		digest, err := k.Digest.MarshalText()
		require.NoError(t, err)
		for _, path := range []string{"/usage/", "/usage/keys", "/usage/keys/" + k.ID, "/usage/changes"} {
			page := f.get(path)
			require.NotContains(t, page, string(digest), path)
			require.NotContains(t, page, string(digest[:16]), path)
		}
	}
}
