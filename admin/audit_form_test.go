package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
)

// TestAuditOfForms imports keys through a Service with another Format, as a process of
// its own does over the same store. The Gate refuses these keys at the first request. The
// audit shows them before.
func TestAuditOfForms(t *testing.T) {
	f, ctx := newFixture(t, func(cfg *admin.Config, _ *backend) { cfg.SecretAge = 60 * day }), t.Context()
	f.plan("p", "unlimited")
	f.key(apikey.Key{ID: "own"}, "p")
	other := must(apikey.NewService(f.st, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}}))
	const secret = "legacy/key+value=2019"
	_, err := other.Import(ctx, apikey.Key{ID: "foreign", Enabled: true}, secret)
	require.NoError(t, err)
	_, err = other.Import(ctx, apikey.Key{ID: "off"}, secret+"2")
	require.NoError(t, err)
	_, err = other.ImportDigest(ctx, apikey.Key{ID: "digest", Enabled: true}, apikey.DigestOf(secret+"3"))
	require.NoError(t, err)
	_, err = other.Import(ctx, apikey.Key{ID: "revoked", Enabled: true}, secret+"4")
	require.NoError(t, err)
	_, _, err = other.Revoke(ctx, apikey.DigestOf(secret+"4"))
	require.NoError(t, err)

	require.Equal(t, []string{
		"digest: its form is not known, because only its digest was imported", "foreign: it does not have the form of Format.New",
	}, f.audit()["Keys with secrets of another form"])
	require.NotContains(t, f.get("/usage/audit"), secret)
}
