package sqlite_test

import (
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestKeysOfAnEarlierSchema migrates a file whose keys have neither scopes nor networks.
// They stay as they are, and can have both afterwards.
func TestKeysOfAnEarlierSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "old.db")
	db := other(t, path)
	for _, m := range sqlite.Migrations()[:3] {
		run(t, db, "BEGIN", m.SQL, "COMMIT")
	}
	run(t, db, `INSERT INTO ration_keys (id, enabled, tags) VALUES ('old', 1, '{"a": "b"}')`)

	s := open(t, path, sqlite.Config{})
	want := apikey.Key{ID: "old", Enabled: true, Tags: apikey.Tags{"a": "b"}, Version: 1}
	k, err := s.Key(t.Context(), "old")
	require.NoError(t, err)
	require.Equal(t, want, k)

	want.Scopes, want.Networks = []string{"orders:*"}, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	require.NoError(t, s.UpdateKey(t.Context(), want))
	want.Version = 2
	k, err = s.Key(t.Context(), "old")
	require.NoError(t, err)
	require.Equal(t, want, k)
	run(t, db, "DELETE FROM ration_keys") // the schema is good for changes by hand, too
}
