// Package pgtest starts PostgreSQL servers for tests, from the programs of the PostgreSQL
// that is installed. It has no driver: it returns connection strings.
//
// To create a server takes a second or two, so the tests of a package share one. Each
// test has a database of its own there:
//
//	var servers pgtest.Shared
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		servers.Close()
//		os.Exit(code)
//	}
//
//	func TestCounter(t *testing.T) {
//		pool, err := pgxpool.New(t.Context(), servers.Database(t))
//
// A test that kills its server starts one with [Start].
package pgtest

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// superuser is the name of the superuser of every server.
const superuser = "postgres"

// password is that of the superuser. Servers listen on the loopback only, and live as
// long as a test.
const password = "pgtest"

// Server is a PostgreSQL server that a test can kill and start again.
type Server struct {
	programs programs
	dir      string
	port     int
	settings []string
	process  *process
}

// Start runs a server until the test ends. The server uses a free port of the loopback
// and a temporary directory. The settings are further ones, such as "max_connections=50".
//
// The server does not call fsync, which makes tests quicker. A test of what survives a
// crash of the server needs no fsync either, since the files are in the cache of the
// operating system. Set "fsync=on" to do what a server in production does.
//
// If PostgreSQL is not installed, the test is skipped. It fails instead if the
// environment has RATION_REQUIRE_POSTGRES=1.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := start(find(t), settings)
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	t.Cleanup(s.close)
	return s
}

// DSN returns the connection string of a database, as the superuser. Every server has the
// database "postgres".
func (s *Server) DSN(database string) string { return s.DSNAs(superuser, password, database) }

// DSNAs returns the connection string of a database for some user. The server asks for
// the password.
func (s *Server) DSNAs(user, password, database string) string {
	return connection(user, password, s.port, database)
}

func connection(user, password string, port int, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:     database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Database creates an empty database for a test, and returns its connection string. When
// the test ends, the database is dropped and its connections are cut.
func (s *Server) Database(t testing.TB) (dsn string) {
	t.Helper()
	name := databaseName()
	if err := s.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A server that the test has killed has nothing to drop.
		_ = s.Exec("DROP DATABASE " + name + " WITH (FORCE)")
	})
	return s.DSN(name)
}

// Exec runs a statement as the superuser in the database "postgres".
func (s *Server) Exec(statement string) error {
	return s.programs.psql(s.DSN("postgres"), statement)
}

// Kill ends all processes of the server at once, as a power cut does.
func (s *Server) Kill() { s.process.kill() }

// Restart starts a server that was killed, on the same port and with the same data. It
// returns when the server has recovered.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	// The kernel may take a moment to end the last process of the killed server. Until then
	// the new one refuses to use its memory.
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := s.run()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("postgres: restart: %v", err)
		}
	}
}

// start creates the data of a server and runs it. Another process may take a port before
// the server does, so several ports are tried.
func start(p programs, settings []string) (*Server, error) {
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	s := &Server{programs: p, dir: dir, settings: settings}
	if err = s.create(); err == nil {
		for range 5 {
			if s.port, err = freePort(); err != nil {
				break
			}
			if err = s.run(); err == nil {
				return s, nil
			}
		}
	}
	return nil, errors.Join(err, os.RemoveAll(dir))
}

// create makes the data of a server.
func (s *Server) create() error {
	pwfile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(pwfile, []byte(password), 0o600); err != nil {
		return err
	}
	if err := give(s.dir, pwfile); err != nil {
		return err
	}
	cmd := s.programs.command("initdb", "--pgdata", s.data(), "--username", superuser, "--pwfile", pwfile,
		"--auth", "password", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// close ends the server and removes its data.
func (s *Server) close() {
	s.process.stop()
	_ = os.RemoveAll(s.dir) // what is left is in the temporary directory
}

// freePort returns a port of the loopback on which no process listens.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Shared is a server that the tests of a package share. It starts with the first test
// that needs it. The zero value is ready to use.
type Shared struct {
	// Settings are those of the server: see Start.
	Settings []string

	once   sync.Once
	server *Server
	err    error
}

// Database does what Server.Database does. It skips the test, or fails it, as Start does.
func (s *Shared) Database(t testing.TB) (dsn string) {
	t.Helper()
	return s.Server(t).Database(t)
}

// Server returns the server. A test must not kill it.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	p := find(t)
	s.once.Do(func() { s.server, s.err = start(p, s.Settings) })
	if s.err != nil {
		t.Fatalf("postgres: %v", s.err)
	}
	return s.server
}

// Close ends the server, if a test has started it. The TestMain of a package calls Close
// after m.Run.
func (s *Shared) Close() {
	s.once.Do(func() {})
	if s.server != nil {
		s.server.close()
	}
}
