package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// other opens a file by other means, as a person with a shell does.
func other(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

func run(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := db.ExecContext(t.Context(), s)
		require.NoError(t, err, "%s", s)
	}
}

// TestNotMigrated uses a file that has no schema yet, and one whose schema is newer.
func TestNotMigrated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s, err := sqlite.Open(path, sqlite.Config{})
	require.NoError(t, err)
	defer s.Close()

	calls := func() map[string]error {
		_, pruneErr := s.Prune(t.Context())
		return map[string]error{
			"take": take(t, s, "key", 1, day), "read": take(t, s, "key", 0, day), "prune": pruneErr,
			"peek": s.Peek(t.Context(), time.Time{}, []string{"key"}, []store.Meter{day}, make([]store.Level, 1), nil),
		}
	}
	for call, err := range calls() {
		require.ErrorIs(t, err, store.ErrNotTaken, "%s", call)
		require.ErrorContains(t, err, "schema: version 0: want ", "%s", call)
		require.ErrorContains(t, err, "call Migrate", "%s", call)
	}
	for range 2 {
		require.NoError(t, s.Migrate(t.Context()))
	}
	for call, err := range calls() {
		require.NoError(t, err, "%s", call)
	}

	run(t, other(t, path), "INSERT INTO ration_schema (version, name) VALUES (99, 'tomorrow')")
	newer := calls()
	newer["migrate"] = s.Migrate(t.Context())
	_, newer["open"] = sqlite.Open(path, sqlite.Config{})
	for call, err := range newer {
		require.ErrorContains(t, err, "schema: version 99: want at most ", "%s", call)
	}
	require.ErrorIs(t, newer["take"], store.ErrNotTaken)
}

// TestMigrations runs the printed migrations by other means. The schema is that of
// Migrate.
func TestMigrations(t *testing.T) {
	t.Parallel()
	schema := func(path string) (all []string) {
		rows, err := other(t, path).Query("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var one string
			require.NoError(t, rows.Scan(&one))
			all = append(all, one)
		}
		return all
	}
	dir := folder(t)
	mine, theirs := filepath.Join(dir, "mine.db"), filepath.Join(dir, "theirs.db")
	open(t, mine, sqlite.Config{})
	db := other(t, theirs)
	for _, m := range sqlite.Migrations() {
		run(t, db, "BEGIN", m.SQL, "COMMIT")
	}
	require.Equal(t, schema(mine), schema(theirs))
	require.NoError(t, take(t, open(t, theirs, sqlite.Config{}), "key", 1, day))
}

// TestClosed uses a Store after Close.
func TestClosed(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(folder(t), "ration.db"), sqlite.Config{})
	require.NoError(t, take(t, s, "key", 1, day))
	for range 2 {
		require.NoError(t, s.Close())
	}
	for _, n := range []int64{0, 1} {
		err := take(t, s, "key", n, day)
		require.ErrorIs(t, err, store.ErrNotTaken)
		require.ErrorContains(t, err, "the store is closed")
	}
	require.Error(t, s.Verify(t.Context()))
	require.ErrorContains(t, s.Migrate(t.Context()), "the store is closed")
}

// TestLocked charges while another program keeps the file locked.
func TestLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s := open(t, path, sqlite.Config{Busy: 50 * time.Millisecond})
	require.NoError(t, take(t, s, "key", 1, day))
	patient := open(t, path, sqlite.Config{Busy: time.Hour})
	db := other(t, path)
	run(t, db, "BEGIN IMMEDIATE")

	err := take(t, s, "key", 1, day)
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.ErrorContains(t, err, "another process keeps the file locked: waited for 50ms")
	require.Equal(t, int64(1), used(t, s, "key", day), "reads go on")

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, patient.Take(ctx, store.NewCharge("key", 1, day)), context.DeadlineExceeded)

	run(t, db, "ROLLBACK")
	require.NoError(t, take(t, s, "key", 1, day))
	require.NoError(t, take(t, patient, "key", 1, day))
	require.Equal(t, int64(3), used(t, s, "key", day))
}

// TestHangs charges while the disk does not answer. The caller has its answer when its
// ctx ends, and its charge is not made afterwards. Reads go on.
func TestHangs(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(folder(t), "ration.db"), sqlite.Config{})
	require.NoError(t, take(t, s, "key", 1, day))
	end := s.Hang()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		require.ErrorIs(t, s.Take(ctx, store.NewCharge("key", 1, day)), context.DeadlineExceeded)
		cancel()
	}
	require.Equal(t, int64(1), used(t, s, "key", day))
	end()
	require.NoError(t, take(t, s, "key", 1, day))
	require.Equal(t, int64(2), used(t, s, "key", day))
}

// fillUp charges new subjects until that fails. It returns how many charges were
// answered, and the error.
func fillUp(t *testing.T, s *sqlite.Store) (answered int, err error) {
	for ; err == nil && answered < 100_000; answered++ {
		err = take(t, s, fmt.Sprint("subject ", answered), 1, day)
	}
	return answered - 1, err
}

// isKept checks that the first subjects are charged, and no other one is.
func isKept(t *testing.T, s *sqlite.Store, answered int) {
	t.Helper()
	for i := range answered + 5 {
		want := int64(1)
		if i >= answered {
			want = 0
		}
		require.Equal(t, want, used(t, s, fmt.Sprint("subject ", i), day), "subject %d of %d", i, answered)
	}
}

// TestFullDatabase fills a file up to a bound of pages.
func TestFullDatabase(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(folder(t), "ration.db"), sqlite.Config{})
	require.NoError(t, take(t, s, "key", 1, day))
	bound, err := s.LimitPages(0)
	require.NoError(t, err)
	_, err = s.LimitPages(bound + 10)
	require.NoError(t, err)

	answered, err := fillUp(t, s)
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.ErrorContains(t, err, "store/sqlite: take: store: not taken: the disk is full: ")
	require.Positive(t, answered)
	isKept(t, s, answered)
	require.NoError(t, take(t, s, "key", 1, day), "what needs no room is still charged")

	_, err = s.LimitPages(bound + 100)
	require.NoError(t, err)
	require.NoError(t, take(t, s, fmt.Sprint("subject ", answered), 1, day))
	isKept(t, s, answered+1)
	require.NoError(t, s.Verify(t.Context()))
}
