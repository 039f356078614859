package postgres

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/store/sql/internal/directory"
	"github.com/ration-go/ration/store/sql/internal/directorytest"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// TestDirectory checks the contracts of keys and plans, while a Run is running.
func TestDirectory(t *testing.T) {
	t.Parallel()
	t.Run("keys", func(t *testing.T) {
		t.Parallel()
		storetest.TestKeys(t, opening(migrated(t), func(s *Store) apikey.Store { return s }))
	})
	t.Run("serializable", func(t *testing.T) {
		longtest.Only(t)
		t.Parallel()
		base := migrated(t).pool.Config().ConnString()
		s := open(t, dial(t, base+"&default_transaction_isolation=serializable"))
		storetest.TestKeys(t, opening(s, func(s *Store) apikey.Store { return s }))
	})
	t.Run("plans", func(t *testing.T) {
		t.Parallel()
		storetest.TestPlans(t, opening(migrated(t), func(s *Store) usageplan.Store { return s }))
	})
}

// TestOutrun has queries that the server refuses after some rows, as it does with
// serializable sessions.
func TestOutrun(t *testing.T) {
	t.Parallel()
	directorytest.TestOutrun(t, &database{migrated(t)}, &directory.Postgres)
}

// TestHistory checks the contract of a history.
func TestHistory(t *testing.T) {
	t.Parallel()
	storetest.TestHistory(t, opening(migrated(t), func(s *Store) history.Store { return s.History(storetest.HistoryBounds()) }))
}

// opening returns a harness of Stores over the database of one. Another Store over the
// same database stands for a restart as well as for a second process, because a Store
// keeps nothing in its process.
func opening[S any](s *Store, as func(s *Store) S) storetest.Directory[S] {
	again := func(t testing.TB) S { return as(running(t, open(t, s.pool))) }
	return storetest.Directory[S]{
		New:    func(t testing.TB) S { forgotten(t, s); return again(t) },
		Reopen: again,
		Peer:   again,
	}
}

// forgotten deletes all keys, plans, groups and links. For few rows it is quicker than
// TRUNCATE.
func forgotten(t testing.TB, s *Store) *Store {
	t.Helper()
	execute(t, s, "DELETE FROM ration_keys")
	execute(t, s, "DELETE FROM ration_plans")
	execute(t, s, "DELETE FROM ration_groups")
	execute(t, s, "DELETE FROM ration_links")
	execute(t, s, "DELETE FROM ration_history")
	return s
}

// running runs Run until the test ends.
func running(t testing.TB, s *Store) *Store {
	t.Helper()
	directorytest.Run(t, s, s.Run)
	return s
}

// TestHostile has texts that PostgreSQL cannot hold as they are.
func TestHostile(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	directorytest.TestInvalid(t, s)
	directorytest.TestHostile(t, s)
	directorytest.TestNULs(t, s)
}

// TestByHand has rows that were changed by hand in ways that a Store does not understand.
func TestByHand(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	faults := append(directorytest.Faults,
		directorytest.Fault{SQL: "UPDATE ration_keys SET expires = 'infinity'", Says: `table ration_keys: key "k": column expires: "infinity": want a time`},
		directorytest.Fault{SQL: "UPDATE ration_keys SET expires = '0001-01-01 00:00:00+00'", Says: `table ration_keys: key "k": column expires: the zero time: want NULL`},
	)
	directorytest.TestByHand(t, func(t *testing.T) (directorytest.Store, func(string) error) {
		return forgotten(t, s), func(sql string) error { _, err := s.pool.Exec(t.Context(), sql); return err }
	}, faults)
	for _, refused := range []string{
		"UPDATE ration_plans SET limits = '{'", "UPDATE ration_plans SET limits = NULL", "UPDATE ration_keys SET digest = 'x'", "UPDATE ration_keys SET version = NULL",
	} {
		_, err := s.pool.Exec(t.Context(), refused)
		require.Error(t, err, refused)
	}
}

// TestColumnsOfANewerRelease changes records whose rows have columns that this release
// does not know.
func TestColumnsOfANewerRelease(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	exec := func(sql string) error { _, err := s.pool.Exec(t.Context(), sql); return err }
	directorytest.TestColumnsOfANewerRelease(t, s, exec, func(query string) int64 { return value[int64](t, s, query) })
}

// TestChangesByHand checks that changes by hand take effect at once.
func TestChangesByHand(t *testing.T) {
	t.Parallel()
	s := running(t, migrated(t))
	directorytest.TestChangesByHand(t, s, func(sql string) error { _, err := s.pool.Exec(t.Context(), sql); return err })
	execute(t, s, "TRUNCATE ration_keys")
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "k", Digest: apikey.DigestOf("k")}))
}

// TestLongCustomer has a customer whose ID is too long for an entry of an index, even
// compressed, and another that differs in the last character.
func TestLongCustomer(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	var long strings.Builder
	for range 1023 {
		long.WriteRune(rune(0x20000 + rnd.IntN(0xa000))) // four bytes each
	}
	for _, end := range []string{"a", "b"} {
		require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: end, CustomerID: long.String() + end}))
	}
	keys, _, err := s.Keys(t.Context(), apikey.Filter{CustomerID: long.String() + "b"}, "", 10)
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.Equal(t, "b", keys[0].ID)
}

// TestExchange has pairs of keys that exchange their digests at once. One of each pair
// gets ErrExists, or both do.
func TestExchange(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	a, b := apikey.DigestOf("a"), apikey.DigestOf("b")
	for range 5 {
		forgotten(t, s)
		keys := []apikey.Key{{ID: "a", Digest: a}, {ID: "b", Digest: b}}
		for _, k := range keys {
			require.NoError(t, s.InsertKey(t.Context(), k))
		}
		keys[0].Digest, keys[1].Digest = b, a
		errs := make(chan error)
		for _, k := range keys {
			go func() { errs <- s.UpdateKey(t.Context(), k) }()
		}
		for range keys {
			if err := <-errs; err != nil {
				require.ErrorIs(t, err, apikey.ErrExists)
			}
		}
	}
}

// TestSchema has tables in a schema of their own. A session that does not have the schema
// in its search_path changes them by hand.
func TestSchema(t *testing.T) {
	t.Parallel()
	public := migrated(t)
	const odd = `"a long name of a schema, with ' and so on, in 63 bytes as at most"`
	execute(t, public, "CREATE SCHEMA "+odd)
	cfg := public.pool.Config()
	cfg.ConnConfig.RuntimeParams["search_path"] = odd
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s := open(t, pool)
	require.NoError(t, s.Migrate(t.Context()))
	running(t, s)
	running(t, public)
	here, there := make(chan string, 10), make(chan string, 10)
	defer s.OnChange(func(id string) { here <- id })()
	defer public.OnChange(func(id string) { there <- id })()
	digest := apikey.DigestOf("k")
	require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: "k", Digest: digest}))
	hears(t, here, "k")
	execute(t, public, "UPDATE "+odd+".ration_keys SET retiring = digest, digest = NULL, id = 'renamed'")
	hears(t, here, "renamed")
	k, err := s.KeyByDigest(t.Context(), digest)
	require.NoError(t, err)
	require.Equal(t, "renamed", k.ID)
	execute(t, public, "TRUNCATE "+odd+".ration_keys")
	hears(t, here, "")
	require.NoError(t, public.InsertKey(t.Context(), apikey.Key{ID: "public", Digest: digest}))
	hears(t, there, "public")
	_, err = s.KeyByDigest(t.Context(), digest)
	require.ErrorIs(t, err, apikey.ErrNotFound)
	require.Empty(t, here, "the other schema has a channel of its own")
}
