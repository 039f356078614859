package postgres

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/internal/directorytest"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	want := len(Migrations())
	for i, m := range Migrations() {
		require.Equal(t, i+1, m.Version)
		require.NotEmpty(t, m.Name)
	}
	t.Run("by several processes at once", func(t *testing.T) {
		dsn := servers.Database(t)
		var wg sync.WaitGroup
		for range 6 {
			s := open(t, dial(t, dsn))
			wg.Go(func() {
				if err := s.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		s := open(t, dial(t, dsn))
		require.NoError(t, s.Migrate(t.Context()), "again")
		require.Equal(t, want, value[int](t, s, "SELECT count(*)::int FROM ration_schema"))
	})
	t.Run("by other means", func(t *testing.T) {
		s := open(t, dial(t, servers.Database(t)))
		for _, m := range Migrations() {
			execute(t, s, m.SQL)
		}
		require.NoError(t, s.Migrate(t.Context()))
		require.NoError(t, s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 1))))
	})
	t.Run("with records of each earlier version", func(t *testing.T) {
		for from := 2; from < want; from++ { // the first version has no records
			s := open(t, dial(t, servers.Database(t)))
			for _, m := range Migrations()[:from] {
				execute(t, s, m.SQL)
			}
			execute(t, s, `INSERT INTO ration_keys (id, enabled, expires, digest) VALUES ('old', true, '2000-01-01 01:00:00+01', decode(repeat('07', 32), 'hex'))`)
			execute(t, s, `INSERT INTO ration_plans (id, limits) VALUES ('p', '{"throttle": "5/s burst 10"}')`)
			execute(t, s, `INSERT INTO ration_groups (id, plan_id) VALUES ('g', 'p')`)
			execute(t, s, `INSERT INTO ration_links (plan_id, key_id, allowance) VALUES ('p', 'old', 'a')`)
			require.NoError(t, s.Migrate(t.Context()))
			require.NoError(t, s.Migrate(t.Context()), "again")
			directorytest.TestOldRecords(t, s)
		}
	})
	t.Run("in a schema of its own", func(t *testing.T) {
		dsn := servers.Database(t)
		execute(t, open(t, dial(t, dsn)), `CREATE SCHEMA "odd ""name"`)
		s := open(t, dial(t, dsn+"&search_path=%22odd%20%22%22name%22"))
		require.NoError(t, s.Migrate(t.Context()))
		require.NoError(t, s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 1), bucket(3, store.Rate{}))))
		require.Equal(t, 1, value[int](t, open(t, dial(t, dsn)), `SELECT count(*)::int FROM "odd ""name".ration_windows`))
	})
	t.Run("a newer schema", func(t *testing.T) {
		s := migrated(t)
		execute(t, s, "INSERT INTO ration_schema (version, name) VALUES ($1, 'of the future')", want+1)
		require.ErrorContains(t, s.Migrate(t.Context()), "the database belongs to a newer release")
		for what, err := range failures(t, s) {
			require.ErrorContains(t, err, "the database belongs to a newer release", what)
		}
	})
	t.Run("an older schema", func(t *testing.T) {
		s := migrated(t)
		execute(t, s, "DELETE FROM ration_schema")
		require.ErrorContains(t, s.Take(t.Context(), store.NewCharge("key", 1, window("quota", 1))), "call Migrate")
	})
	t.Run("another encoding", func(t *testing.T) {
		server := servers.Server(t)
		require.NoError(t, server.Exec("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0"))
		t.Cleanup(func() { _ = server.Exec("DROP DATABASE latin WITH (FORCE)") })
		require.ErrorContains(t, open(t, dial(t, server.DSN("latin"))).Migrate(t.Context()), "server_encoding: LATIN1: want UTF8")
	})
	t.Run("half of the tables are there", func(t *testing.T) {
		s := migrated(t)
		execute(t, s, "DROP TABLE ration_schema")
		err := s.Migrate(t.Context())
		require.ErrorContains(t, err, "version 1, counters:")
		require.Nil(t, value[*string](t, s, "SELECT to_regclass('ration_schema')::text"), "all or nothing")
	})
}
