package postgres

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/store"
)

func TestNew(t *testing.T) {
	t.Parallel()
	_, err := New(nil, Config{})
	require.ErrorIs(t, err, ErrInvalid)
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none?pool_max_conns=3")
	require.NoError(t, err)
	defer pool.Close()
	_, err = New(pool, Config{Calls: 4, BatchSize: -1})
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "calls: 4: want 1 to 3")
	require.ErrorContains(t, err, "batchSize: -1: want 1 to 1024")
	_, err = New(pool, Config{})
	require.NoError(t, err)
}

// TestUnreachable has databases that cannot be used. Nothing is charged, and the error
// says why. No error has the password.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	server := servers.Server(t)
	base := server.Database(t)
	require.NoError(t, open(t, dial(t, base)).Migrate(t.Context()))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed.Close()
	for name, test := range map[string]struct{ dsn, want string }{
		"password": {strings.Replace(base, "postgres:pgtest@", "postgres:wrong-one@", 1), "password authentication failed"},
		"user":     {server.DSNAs("stranger", "wrong-one", "postgres"), "password authentication failed"},
		"database": {server.DSN("missing"), `database "missing" does not exist`},
		"port":     {"postgres://postgres:wrong-one@" + closed.Addr().String() + "/postgres", "connection refused"},
		"schema":   {server.Database(t), "no table ration_schema in the search_path: call Migrate"},
		"path":     {base + "&search_path=elsewhere", "no table ration_schema in the search_path: call Migrate"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, dial(t, test.dsn))
			for what, err := range failures(t, s) {
				require.ErrorContains(t, err, test.want, what)
				require.NotContains(t, err.Error(), "wrong-one", what)
				require.NotContains(t, err.Error(), "pgtest@", what)
			}
		})
	}
}

// failures returns the errors of all calls. Those of charges and reads must wrap
// store.ErrNotTaken.
func failures(t *testing.T, s *Store) map[string]error {
	t.Helper()
	errs := map[string]error{
		"take": s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 1))),
		"peek": s.Peek(t.Context(), time.Now(), []string{"key"}, []store.Meter{window("quota", 1)}, make([]store.Level, 1), nil),
		"move": s.Take(t.Context(), &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "key"}, {Subject: "to"}}}),
	}
	for what, err := range errs {
		require.ErrorIs(t, err, store.ErrNotTaken, what)
	}
	_, errs["prune"] = s.Prune(t.Context())
	errs["check"] = s.Check(t.Context())
	return errs
}

// TestRights has a role that may not write, and one that may.
func TestRights(t *testing.T) {
	t.Parallel()
	server := servers.Server(t)
	dsn := server.Database(t)
	owner := open(t, dial(t, dsn))
	require.NoError(t, owner.Migrate(t.Context()))
	name := value[string](t, owner, "SELECT current_database()")
	role := "service_" + name
	execute(t, owner, "CREATE ROLE "+role+" LOGIN PASSWORD 'its-own'")
	t.Cleanup(func() { _ = server.Exec("DROP ROLE IF EXISTS " + role) })
	execute(t, owner, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role)

	s := open(t, dial(t, server.DSNAs(role, "its-own", name)))
	err := s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 1)))
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.ErrorContains(t, err, "the role needs SELECT, INSERT, UPDATE and DELETE on the tables")
	require.ErrorContains(t, s.Check(t.Context()), "rights: the role lacks DELETE on ration_buckets, INSERT on ration_buckets")
	require.NoError(t, s.Migrate(t.Context()), "the schema is complete, so the role needs no right to change it")

	execute(t, owner, "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	require.NoError(t, s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 1))))
	require.NotContains(t, s.Check(t.Context()).Error(), "rights")
	execute(t, owner, "DROP OWNED BY "+role)
}

// TestSettings has sessions whose settings do not suit.
func TestSettings(t *testing.T) {
	t.Parallel()
	base := servers.Database(t)
	require.NoError(t, open(t, dial(t, base)).Migrate(t.Context()))
	for setting, test := range map[string]struct{ value, take, check string }{
		"default_transaction_isolation": {"serializable", "want read committed", "default_transaction_isolation: serializable: want read committed"},
		"default_transaction_read_only": {"on", "want the primary", "transaction_read_only: on: want a server that takes writes"},
		"synchronous_commit":            {"off", "", "synchronous_commit: off: want on"},
	} {
		t.Run(setting, func(t *testing.T) {
			s := open(t, dial(t, base+"&"+setting+"="+test.value))
			err := s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 100)))
			if test.take == "" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, store.ErrNotTaken)
				require.ErrorContains(t, err, test.take)
			}
			err = s.Check(t.Context())
			require.ErrorContains(t, err, test.check)
			require.Equal(t, test.take == "", errors.Is(err, store.ErrSettings), "it can decide")
		})
	}
	t.Run("fsync", func(t *testing.T) {
		require.ErrorContains(t, open(t, dial(t, base)).Check(t.Context()), "fsync: off: want on")
	})
	t.Run("sound", func(t *testing.T) {
		s := open(t, dial(t, pgtest.Start(t, "fsync=on").DSN("postgres")))
		require.NoError(t, s.Migrate(t.Context()))
		require.NoError(t, s.Check(t.Context()))
	})
}

// held locks the row of a subject until the returned function is called.
func held(t *testing.T, s *Store, subject string) (release func()) {
	t.Helper()
	tx, err := s.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM ration_subjects WHERE subject = $1 FOR UPDATE", subject)
	require.NoError(t, err)
	return func() { _ = tx.Rollback(context.Background()) } // fails if the server was killed
}

// awaitWaiters waits until sessions wait for a lock.
func awaitWaiters(t *testing.T, s *Store, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return value[int](t, s, "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") >= n
	}, 30*time.Second, 5*time.Millisecond)
}

// TestWhileWaiting has something happen to a charge that has been sent and waits for a
// row.
func TestWhileWaiting(t *testing.T) {
	t.Parallel()
	meter := window("quota", 100)
	for name, test := range map[string]struct {
		setting string
		happens func(t *testing.T, s *Store)
		want    string
	}{
		"the session is ended": {happens: func(t *testing.T, s *Store) {
			execute(t, s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
		}, want: "terminating connection"},
		"the statement is cancelled": {happens: func(t *testing.T, s *Store) {
			execute(t, s, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
		}, want: "canceling statement"},
		"lock_timeout":      {setting: "&lock_timeout=50", want: "lock timeout"},
		"statement_timeout": {setting: "&statement_timeout=100", want: "statement timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			s := migrated(t)
			require.NoError(t, s.Take(t.Context(), store.NewCharge("key", 1, meter)))
			release := held(t, s, "key")
			defer release()
			waiting := open(t, dial(t, s.pool.Config().ConnString()+test.setting))
			answer := make(chan error, 1)
			go func() { answer <- waiting.Take(t.Context(), store.NewCharge("key", 1, meter)) }()
			if test.happens != nil {
				awaitWaiters(t, s, 1)
				test.happens(t, s)
			}
			err := <-answer
			require.ErrorContains(t, err, test.want)
			require.ErrorIs(t, err, store.ErrNotTaken)
			require.EqualValues(t, 1, value[int64](t, s, "SELECT used FROM ration_windows"))
		})
	}
}

// TestDeadlock lets a transaction of somebody else lock rows in another order. The charge
// that PostgreSQL then breaks off was not taken. A session looks for a deadlock once,
// when it has waited for deadlock_timeout.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	c := &store.Charge{Parts: []store.Part{store.NewPart("a", 1, window("quota", 100)), store.NewPart("b", 1, window("quota", 100))}}
	require.NoError(t, s.Take(t.Context(), c))
	victim := open(t, dial(t, s.pool.Config().ConnString()+"&deadlock_timeout=1500"))

	tx, err := s.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), "SET LOCAL deadlock_timeout = '1h'")
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM ration_subjects WHERE subject = 'b' FOR UPDATE")
	require.NoError(t, err)
	answer := make(chan error, 1)
	go func() { answer <- victim.Take(t.Context(), c) }()
	awaitWaiters(t, s, 1)
	_, err = tx.Exec(t.Context(), "SELECT FROM ration_subjects WHERE subject = 'a' FOR UPDATE")
	require.NoError(t, err)
	err = <-answer
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.ErrorContains(t, err, "deadlock detected")
}

// TestUnknownCommit cuts the connection of a charge that has been sent, without a word
// from the server. The charge may have been taken.
func TestUnknownCommit(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	s := open(t, dial(t, server.DSN("postgres")))
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 100))))
	release := held(t, s, "key")
	defer release()
	answer := make(chan error, 1)
	go func() { answer <- s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 100))) }()
	awaitWaiters(t, s, 1)
	server.Kill()
	err := <-answer
	require.Error(t, err)
	require.NotErrorIs(t, err, store.ErrNotTaken)

	// Without a server, nothing can be taken.
	err = s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 100)))
	for tries := 0; !errors.Is(err, store.ErrNotTaken) && tries < 20; tries++ { // a connection that was idle may look sound
		err = s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 100)))
	}
	require.ErrorIs(t, err, store.ErrNotTaken)
	server.Restart(t)
	require.Eventually(t, func() bool {
		return s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 100))) == nil
	}, 30*time.Second, 10*time.Millisecond, "the pool connects again")
}

// TestIsRolledBack says of which errors it is certain that nothing was committed.
func TestIsRolledBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		tag  string
		want bool
	}{
		"an error of the statement":          {&pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "40001"}, "", true},
		"an error of the commit":             {&pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "40001"}, "SELECT 1", true},
		"the session ended in a statement":   {&pgconn.PgError{SeverityUnlocalized: "FATAL", Code: "57P01"}, "", true},
		"the session ended at the commit":    {&pgconn.PgError{SeverityUnlocalized: "FATAL", Code: "57P01"}, "SELECT 1", false},
		"PgBouncer has lost the server":      {&pgconn.PgError{SeverityUnlocalized: "FATAL", Code: "08P01"}, "", false},
		"the server failed":                  {&pgconn.PgError{SeverityUnlocalized: "PANIC", Code: "XX000"}, "", false},
		"the connection was cut":             {net.ErrClosed, "", false},
		"ctx has ended while it was waiting": {context.Canceled, "", false},
	} {
		require.Equal(t, test.want, isRolledBack(test.err, pgconn.NewCommandTag(test.tag)), name)
	}
	require.ErrorIs(t, notTaken(pgx.ErrNoRows), store.ErrNotTaken)
}
