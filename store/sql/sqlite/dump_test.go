package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestDumpPlans reads how SQLite carries out each statement of Dump: none looks through a
// table, and none sorts one.
func TestDumpPlans(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	open(t, path, sqlite.Config{})
	db := other(t, path)
	for _, statement := range sqlite.DumpStatements() {
		rows, err := db.Query("EXPLAIN QUERY PLAN "+statement, []byte("a"), 10)
		require.NoError(t, err, "%s", statement)
		searches := 0
		for rows.Next() {
			var id, parent, unused int
			var detail string
			require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
			require.NotContains(t, detail, "SCAN ration_", "%s", statement)
			if len(detail) > 14 && detail[:14] == "SEARCH ration_" {
				searches++
			}
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		require.Positive(t, searches, "%s", statement)
	}
}
