package postgres

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/sql/internal/directory"
	"github.com/ration-go/ration/store/sql/internal/directorytest"
)

// TestDirectoryPlans reads the plan of every statement of the directory. None reads a
// whole table, and a listing with a filter uses the index of the filter. The planner may
// not read a whole table if there is another way, because for the small tables of the
// test it would.
func TestDirectoryPlans(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	r := &directorytest.Recorder{Database: &database{s}}
	statements, err := r.Statements(t.Context(), directory.New(r, &directory.Postgres, "store/postgres"))
	require.NoError(t, err)
	require.Greater(t, len(statements), 30)
	execute(t, s, `INSERT INTO ration_keys (id, group_id, customer_id) SELECT n, 'g' || n % 50, 'c' || n % 50 FROM generate_series(1, 2000) AS n`)
	execute(t, s, `INSERT INTO ration_groups (id, parent_id, plan_id) SELECT n, 'g' || n % 50, 'p' || n % 50 FROM generate_series(1, 2000) AS n`)
	execute(t, s, `INSERT INTO ration_links (plan_id, key_id) SELECT 'p' || n % 50, n FROM generate_series(1, 2000) AS n`)
	execute(t, s, "ANALYZE")
	wholeTable := regexp.MustCompile(`Seq Scan on ration_(keys|plans|groups|links|digests)\b`)
	conn, err := s.pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
	require.NoError(t, err)
	for statement, args := range statements {
		rows, err := conn.Query(t.Context(), "EXPLAIN "+statement, args...)
		require.NoError(t, err, statement)
		plan := ""
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			plan += line + "\n"
			if wholeTable.MatchString(line) {
				t.Errorf("%s\n\t%s", statement, line)
			}
		}
		require.NoError(t, rows.Err(), statement)
		directorytest.CheckListing(t, statement, plan)
	}
}
