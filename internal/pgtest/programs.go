package pgtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// debianDirs matches the folders in which Debian's packages have the programs of a
// server. They are not on the PATH there.
const debianDirs = "/usr/lib/postgresql/*/bin"

// programs is the folder that has initdb, postgres and psql.
type programs string

// Installed reports whether PostgreSQL is installed.
func Installed() bool {
	_, err := findPrograms()
	return err == nil
}

// find returns the programs. Without them the test is skipped, or fails if the
// environment requires them.
func find(t testing.TB) programs {
	t.Helper()
	p, err := findPrograms()
	if err != nil {
		if os.Getenv("RATION_REQUIRE_POSTGRES") == "1" {
			t.Fatalf("RATION_REQUIRE_POSTGRES=1: %v", err)
		}
		t.Skipf("needs PostgreSQL: %v", err)
	}
	return p
}

// findPrograms looks on the PATH, and then where Debian has them. Of several versions it
// takes the last in the order of their names.
func findPrograms() (programs, error) {
	path, err := exec.LookPath("postgres")
	if err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && whole(filepath.Dir(path)) {
			return programs(filepath.Dir(path)), nil
		}
	}
	dirs, _ := filepath.Glob(debianDirs)
	for i := len(dirs) - 1; i >= 0; i-- {
		if whole(dirs[i]) {
			return programs(dirs[i]), nil
		}
	}
	return "", errors.Join(err, fmt.Errorf("initdb, postgres and psql are neither on the PATH nor in %s", debianDirs))
}

// whole reports whether a folder has every program that is needed.
func whole(dir string) bool {
	for _, name := range []string{"initdb", "postgres", "psql"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// command returns a command that runs one of the programs as a user whom PostgreSQL
// accepts.
func (p programs) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(string(p), name), args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	demote(cmd)
	return cmd
}

// psql runs a statement.
func (p programs) psql(dsn, statement string) error {
	cmd := p.command("psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", dsn, "--command", statement)
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %s: %w: %s", statement, err, out)
	}
	return nil
}

// databaseName returns a name that no other database has.
func databaseName() string { return "t" + strings.ToLower(rand.Text()) }
