package pgtest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var servers Shared

func TestMain(m *testing.M) {
	code := m.Run()
	servers.Close()
	if servers.server != nil && answers(servers.server.port) {
		panic("the shared server outlives the tests")
	}
	os.Exit(code)
}

func TestSharedHasDatabases(t *testing.T) {
	var dsns [2]string
	for i := range dsns {
		dsns[i] = servers.Database(t)
		require.NoError(t, find(t).psql(dsns[i], "CREATE TABLE t (i integer)"))
	}
	require.NotEqual(t, dsns[0], dsns[1])
}

func TestServerAsksForThePassword(t *testing.T) {
	s := servers.Server(t)
	require.NoError(t, find(t).psql(s.DSN("postgres"), "SELECT"))
	require.ErrorContains(t, find(t).psql(s.DSNAs("postgres", "wrong", "postgres"), "SELECT"), "password authentication failed")
}

func TestStartEndsWithItsTest(t *testing.T) {
	var s *Server
	t.Run("a test", func(t *testing.T) {
		s = Start(t, "max_connections=7")
		require.NoError(t, s.Exec(`DO $$ BEGIN ASSERT current_setting('max_connections') = '7'; END $$`))
	})
	if s == nil {
		t.Skip("needs PostgreSQL")
	}
	require.False(t, answers(s.port))
	require.NoDirExists(t, s.dir)
}

// TestRestart kills a server twice: what was committed is there.
func TestRestart(t *testing.T) {
	s := Start(t)
	require.NoError(t, s.Exec("CREATE TABLE t (i integer)"))
	for range 2 {
		s.Kill()
		require.False(t, answers(s.port))
		s.Restart(t)
		require.NoError(t, s.Exec("INSERT INTO t VALUES (1)"))
	}
	require.NoError(t, s.Exec(`DO $$ BEGIN ASSERT (SELECT count(*) FROM t) = 2; END $$`))
}

func TestStartFails(t *testing.T) {
	_, err := start(find(t), []string{"max_connections=many"})
	require.ErrorContains(t, err, "max_connections")
}

func TestBouncer(t *testing.T) {
	dsn := servers.Server(t).StartBouncer(t, "postgres")
	require.NoError(t, find(t).psql(dsn, "SELECT"))
}
