package sqlite

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/sql/internal/directory"
	"github.com/ration-go/ration/store/sql/internal/directorytest"
)

// TestDirectoryPlans reads the query plan of every statement of the directory. None reads
// a whole table.
func TestDirectoryPlans(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "ration.db"), Config{})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Migrate(t.Context()))
	r := &directorytest.Recorder{Database: s.directory}
	statements, err := r.Statements(t.Context(), directory.New(r, &directory.SQLite, "store/sqlite"))
	require.NoError(t, err)
	require.Greater(t, len(statements), 30)
	wholeTable := regexp.MustCompile(`^SCAN ration_`)
	for statement, args := range statements {
		rows, err := s.directory.db.Query("EXPLAIN QUERY PLAN "+statement, args...)
		require.NoError(t, err, statement)
		plan := ""
		for rows.Next() {
			var id, parent, unused int
			var detail string
			require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
			plan += detail + "\n"
			if wholeTable.MatchString(detail) {
				t.Errorf("%s\n\t%s", statement, detail)
			}
		}
		require.NoError(t, rows.Err())
		directorytest.CheckListing(t, statement, plan)
	}
}

// TestOutrun reads with statements that the database refuses after some rows.
func TestOutrun(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "ration.db"), Config{})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Migrate(t.Context()))
	directorytest.TestOutrun(t, s.directory, &directory.SQLite)
}
