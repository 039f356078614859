package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestPlans reads how SQLite carries out each statement: none looks through a table.
func TestPlans(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	open(t, path, sqlite.Config{})
	db := other(t, path)
	tables := 0
	for _, statement := range sqlite.Statements() {
		arguments := make([]any, strings.Count(statement, "?")-strings.Count(statement, "?1")/2)
		rows, err := db.Query("EXPLAIN QUERY PLAN "+statement, arguments...)
		require.NoError(t, err, "%s", statement)
		for rows.Next() {
			var id, parent, unused int
			var detail string
			require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
			switch {
			case strings.Contains(detail, "ration_schema"): // one row for each version
			case strings.HasPrefix(detail, "SEARCH ration_"):
				tables++
				require.Regexp(t, "USING (PRIMARY KEY|INTEGER PRIMARY KEY|(COVERING )?INDEX)", detail, "%s", statement)
			default:
				require.NotContains(t, detail, "SCAN ration_", "%s", statement)
			}
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	require.Greater(t, tables, 20)
}
