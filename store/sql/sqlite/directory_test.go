package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/store/sql/internal/directorytest"
	"github.com/ration-go/ration/store/sql/sqlite"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// TestDirectory checks the contracts of keys and plans, with and without a Run.
func TestDirectory(t *testing.T) {
	for name, open := range map[string]func(testing.TB, string, sqlite.Config) *sqlite.Store{"": open, "run": openAndRun} {
		t.Run("keys"+name, func(t *testing.T) {
			t.Parallel()
			storetest.TestKeys(t, opening(open, name != "", func(s *sqlite.Store) apikey.Store { return s }))
		})
		t.Run("plans"+name, func(t *testing.T) {
			t.Parallel()
			storetest.TestPlans(t, opening(open, name != "", func(s *sqlite.Store) usageplan.Store { return s }))
		})
	}
}

// TestHistory checks the contract of a history. Its stores share the file without a Run.
func TestHistory(t *testing.T) {
	t.Parallel()
	as := func(s *sqlite.Store) history.Store { return s.History(storetest.HistoryBounds()) }
	storetest.TestHistory(t, opening(openAndRun, true, as))
}

// TestHistoryByHand has rows that another program has added.
func TestHistoryByHand(t *testing.T) {
	t.Parallel()
	s, exec := handOpen(t)
	h := s.History(history.Bounds{})
	const insert = "INSERT INTO ration_history (at, action, kind, id, state_after) VALUES "
	require.Error(t, exec(insert+"('2026-11-30 12:00:00.000000', 'update', 'key', 'a', '{')"))
	require.NoError(t, exec(insert+"('2026-11-30 12:00:00.000000', 'update', 'key', 'a', '{}')"))
	entries, _, err := h.List(t.Context(), history.Filter{ID: "a"}, "", 10)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, "{}", string(entries[0].After))
	require.NoError(t, exec(insert+"('soon', 'update', 'key', 'b', NULL)"))
	_, _, err = h.List(t.Context(), history.Filter{ID: "b"}, "", 10)
	require.ErrorContains(t, err, `table ration_history: entry of key "b": column at: "soon": want a time`)
}

// opening returns a harness of Stores with a file for each case. Without a Run, a Store
// hears of no changes by its peers.
func opening[S any](open func(testing.TB, string, sqlite.Config) *sqlite.Store, runs bool, as func(s *sqlite.Store) S) storetest.Directory[S] {
	var path string
	var last *sqlite.Store
	d := storetest.Directory[S]{
		New: func(t testing.TB) S {
			path = filepath.Join(folder(t), "ration.db")
			last = open(t, path, sqlite.Config{})
			return as(last)
		},
		Reopen: func(t testing.TB) S {
			require.NoError(t, last.Close())
			last = open(t, path, sqlite.Config{})
			return as(last)
		},
	}
	if runs {
		d.Peer = func(t testing.TB) S { return as(open(t, path, sqlite.Config{})) }
	}
	return d
}

// openAndRun returns a Store whose Run hears of changes, until the test ends.
func openAndRun(t testing.TB, path string, cfg sqlite.Config) *sqlite.Store {
	s := open(t, path, cfg)
	directorytest.Run(t, s, s.Run)
	return s
}

// handOpen returns a Store and a function that changes its tables as another program
// does.
func handOpen(t *testing.T) (s *sqlite.Store, exec func(statement string) error) {
	path := filepath.Join(folder(t), "ration.db")
	s = openAndRun(t, path, sqlite.Config{})
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return s, func(statement string) error { _, err := db.Exec(statement); return err }
}

// TestHostile has texts that SQL could change.
func TestHostile(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(folder(t), "ration.db"), sqlite.Config{})
	directorytest.TestInvalid(t, s)
	directorytest.TestHostile(t, s)
	directorytest.TestNULs(t, s)
}

// TestByHand has rows that were changed by hand in ways that a Store does not understand.
func TestByHand(t *testing.T) {
	t.Parallel()
	faults := append(directorytest.Faults,
		directorytest.Fault{SQL: "UPDATE ration_keys SET expires = 'soon'", Says: `table ration_keys: key "k": column expires: "soon": want a time`},
		directorytest.Fault{SQL: "UPDATE ration_keys SET expires = '0001-01-01 00:00:00.000000'", Says: `table ration_keys: key "k": column expires: the zero time: want NULL`},
		directorytest.Fault{SQL: "PRAGMA ignore_check_constraints = 1; UPDATE ration_plans SET limits = '{'", Says: `table ration_plans: plan "p": column limits: unexpected end`},
		directorytest.Fault{SQL: "PRAGMA ignore_check_constraints = 1; UPDATE ration_keys SET retiring = x'00'", Says: `table ration_keys: key "k": column retiring: 1 bytes: want the 32`},
	)
	directorytest.TestByHand(t, func(t *testing.T) (directorytest.Store, func(string) error) { return handOpen(t) }, faults)
	_, exec := handOpen(t)
	for _, refused := range []string{
		"UPDATE ration_plans SET limits = '{'", "UPDATE ration_keys SET enabled = 'yes'", "UPDATE ration_keys SET digest = x'00'", "UPDATE ration_keys SET tags = 'x'",
	} {
		require.NoError(t, exec("INSERT INTO ration_keys (id) VALUES ('"+strings.ReplaceAll(refused, "'", "")+"')"))
		require.NoError(t, exec("INSERT INTO ration_plans (id) VALUES ('"+strings.ReplaceAll(refused, "'", "")+"')"))
		require.Error(t, exec(refused), refused)
	}
}

// TestColumnsOfANewerRelease changes records whose rows have columns that this release
// does not know.
func TestColumnsOfANewerRelease(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s, db := open(t, path, sqlite.Config{}), other(t, path)
	exec := func(statement string) error { _, err := db.ExecContext(t.Context(), statement); return err }
	directorytest.TestColumnsOfANewerRelease(t, s, exec, func(query string) (sum int64) {
		require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&sum))
		return sum
	})
}

// TestChangesByHand checks that changes by hand take effect within moments.
func TestChangesByHand(t *testing.T) {
	t.Parallel()
	s, exec := handOpen(t)
	directorytest.TestChangesByHand(t, s, exec)
}
