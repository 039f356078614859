package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bouncerConfig is for a PgBouncer that gives a connection to a client for one
// transaction at a time. It has fewer connections than tests have clients, so that
// clients really share them.
const bouncerConfig = `[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = plain
auth_file = %s
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
`

// StartBouncer runs a PgBouncer in transaction mode before the server until the test
// ends. It returns the connection string of a database through it.
//
// If there is no pgbouncer, the test is skipped. It fails instead if the environment has
// RATION_REQUIRE_PGBOUNCER=1.
func (s *Server) StartBouncer(t testing.TB, database string) (dsn string) {
	t.Helper()
	program, err := findBouncer()
	if err != nil {
		if os.Getenv("RATION_REQUIRE_PGBOUNCER") == "1" {
			t.Fatalf("RATION_REQUIRE_PGBOUNCER=1: %v", err)
		}
		t.Skipf("needs PgBouncer: %v", err)
	}
	for range 5 {
		if dsn, err = s.startBouncer(t, program, database); err == nil {
			return dsn
		}
	}
	t.Fatalf("pgbouncer: %v", err)
	return ""
}

// findBouncer returns the path of pgbouncer. Debian has it in a folder that is not on the
// PATH of every user.
func findBouncer() (string, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		const debian = "/usr/sbin/pgbouncer"
		if _, missing := os.Stat(debian); missing == nil {
			return debian, nil
		}
	}
	return program, err
}

// startBouncer tries one port.
func (s *Server) startBouncer(t testing.TB, program, database string) (dsn string, err error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	users, config := filepath.Join(dir, "users"), filepath.Join(dir, "config")
	for path, text := range map[string]string{
		users:  fmt.Sprintf("%q %q\n", superuser, password),
		config: fmt.Sprintf(bouncerConfig, s.port, port, users),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	if err := give(dir, users, config); err != nil {
		return "", err
	}
	cmd := exec.Command(program, "--quiet", config)
	cmd.Dir = dir
	demote(cmd)
	p, err := launch(cmd)
	if err != nil {
		return "", err
	}
	if err := p.await(func() bool { return answers(port) }); err != nil {
		return "", err
	}
	t.Cleanup(p.kill)
	return connection(superuser, password, port, database), nil
}
