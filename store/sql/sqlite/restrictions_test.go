package sqlite_test

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/sql/internal/directorytest"
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

// TestRecordsOfEarlierSchemas migrates a file of each earlier schema that has records.
func TestRecordsOfEarlierSchemas(t *testing.T) {
	t.Parallel()
	for from := 2; from < len(sqlite.Migrations()); from++ { // the first has no records
		path := filepath.Join(folder(t), "old.db")
		db := other(t, path)
		for _, m := range sqlite.Migrations()[:from] {
			run(t, db, "BEGIN", m.SQL, "COMMIT")
		}
		run(t, db,
			`INSERT INTO ration_keys (id, enabled, expires, digest) VALUES ('old', 1, '2000-01-01 00:00:00.000000', unhex('`+strings.Repeat("07", 32)+`'))`,
			`INSERT INTO ration_plans (id, limits) VALUES ('p', '{"throttle": "5/s burst 10"}')`,
			`INSERT INTO ration_groups (id, plan_id) VALUES ('g', 'p')`,
			`INSERT INTO ration_links (plan_id, key_id, allowance) VALUES ('p', 'old', 'a')`,
		)
		s := open(t, path, sqlite.Config{})
		require.NoError(t, s.Migrate(t.Context()), "again")
		directorytest.TestOldRecords(t, s)
	}
}
