package admin_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
)

// TestAuditOfSecrets checks what an audit finds of old, revoked and expiring secrets.
func TestAuditOfSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t, func(cfg *admin.Config, _ *backend) { cfg.SecretAge = 60 * day }), t.Context()
		f.plan("p", "unlimited")
		f.key(apikey.Key{ID: "old"}, "p")
		f.key(apikey.Key{ID: "rotated"}, "p")
		f.key(apikey.Key{ID: "off"})
		leaked := f.key(apikey.Key{ID: "leaked"}, "p")
		f.key(apikey.Key{ID: "expiring", Expires: time.Now().Add(60 * day)}, "p")
		_, err := f.keys.Disable(ctx, "off")
		require.NoError(t, err)
		require.NotContains(t, f.audit(), "Secrets to rotate")

		time.Sleep(45 * day)
		_, _, err = f.keys.Rotate(ctx, "rotated", 0)
		require.NoError(t, err)
		require.NotContains(t, f.audit(), "Secrets to rotate")
		time.Sleep(5 * day)
		f.key(apikey.Key{ID: "new"}, "p")
		_, _, err = f.keys.EndSecret(ctx, apikey.DigestOf(string(leaked)), time.Time{})
		require.NoError(t, err)
		found := f.audit()
		require.Equal(t, []string{
			"expiring: since 2000-01-01 00:00 UTC", "leaked: revoked, ends on 2000-02-20 00:00 UTC", "old: since 2000-01-01 00:00 UTC",
		}, found["Secrets to rotate"])
		require.Equal(t, []string{"expiring: expires on 2000-03-01 00:00 UTC"}, found["Keys that expire soon"])

		page := f.get("/usage/keys/leaked")
		require.Contains(t, page, "No secret")
		require.Contains(t, page, "revoked: rotate the key")
		require.Contains(t, f.get("/usage/keys/rotated"), "since 2000-02-15")
		require.Contains(t, f.get("/usage/audit"), "KeyFormat.Prefix", "the fixture has the prefix of everybody")
	})
}
