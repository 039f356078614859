package sqlite_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

var day = store.Meter{Name: "day", Max: 1000, Start: 1, End: 86401}

// take charges n units, and returns the error.
func take(t testing.TB, s *sqlite.Store, subject string, n int64, meters ...store.Meter) error {
	t.Helper()
	return s.Take(t.Context(), store.NewCharge(subject, n, meters...))
}

// TestPaths opens files that cannot be opened.
func TestPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) { require.NoError(t, os.WriteFile(in(name), []byte(text), 0o600)) }
	write("text", string(make([]byte, 100))+"This is no database, and it is longer than a header.")
	write("short", "no database")
	write("two names", "")
	require.NoError(t, os.Link(in("two names"), in("second name")))
	require.NoError(t, os.Symlink(in("nothing/here"), in("leads nowhere")))

	for name, test := range map[string]struct {
		path    string
		invalid bool
		says    string
	}{
		"empty":            {"", true, `path: "": want the path of a file`},
		"NUL":              {in("a\x00b"), true, "want no NUL byte"},
		"memory":           {":memory:", true, "want a file: package memory counts in memory"},
		"folder":           {dir, true, "want a file: this is a directory"},
		"device":           {os.DevNull, true, "want a regular file"},
		"hard link":        {in("second name"), true, "want a file with one name"},
		"no folder":        {in("missing/ration.db"), false, "no such file or directory"},
		"file as a folder": {in("text/ration.db"), false, "not a directory"},
		"link to nothing":  {in("leads nowhere"), false, "no such file or directory"},
		"no database":      {in("text"), false, "the file is no SQLite database"},
		"short":            {in("short"), false, "the file is no SQLite database"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("other texts and rules")
			}
			s, err := sqlite.Open(test.path, sqlite.Config{})
			require.Nil(t, s)
			require.ErrorContains(t, err, test.says)
			require.Equal(t, test.invalid, errors.Is(err, sqlite.ErrInvalid), "%v", err)
		})
	}
}

// TestConfig reports all faults of a Config at once.
func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := sqlite.Open(filepath.Join(t.TempDir(), "ration.db"), sqlite.Config{Sync: 7, Busy: time.Microsecond, Readers: 65})
	require.ErrorIs(t, err, sqlite.ErrInvalid)
	for _, says := range []string{"sync: 7: want Full or Normal", "busy: 1µs: want at least 1ms", "readers: 65: want 1 to 64"} {
		require.ErrorContains(t, err, says)
	}
}

// TestOddNames opens files whose names mean something in a URI, in SQL or to a driver.
func TestOddNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"a?mode=memory", "a?vfs=none&cache=shared", "a#b", "100%", "%41.db", "%00", "file:a.db", "a'b\"c`d", " a b ", "-wal", "a;b&c=d",
		"новый.db", "a\nb", "\xff\xfe.db", "_pragma=query_only(1)",
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			path := filepath.Join(dir, name)
			if f, err := os.Create(path); err != nil {
				t.Skip("the system does not know such names:", err)
			} else {
				f.Close()
			}
			s := open(t, path, sqlite.Config{})
			require.NoError(t, take(t, s, "key", 3, day))
			require.NoError(t, s.Close())
			require.Equal(t, int64(3), used(t, open(t, path, sqlite.Config{}), "key", day))

			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			for _, e := range entries {
				require.Contains(t, []string{name, name + "-wal", name + "-shm"}, e.Name())
			}
		})
	}
}

// TestSymbolicLinks opens one file by several paths: it is one Store for all.
func TestSymbolicLinks(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
	require.NoError(t, os.Symlink("data/ration.db", filepath.Join(dir, "link.db")))
	require.NoError(t, os.Symlink("data", filepath.Join(dir, "folder")))
	for i, path := range []string{"link.db", "data/ration.db", "folder/ration.db", "folder/../link.db"} {
		s := open(t, filepath.Join(dir, path), sqlite.Config{})
		require.NoError(t, take(t, s, "key", 1, day))
		require.Equal(t, int64(i)+1, used(t, s, "key", day), "%s", path)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 3, "a log lies beside the link: %v", entries)
}

// TestPermissions checks that only its owner may read a new file and its log, and that a
// file that is there keeps its permissions.
func TestPermissions(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("has no such permissions")
	}
	for name, test := range map[string]struct {
		there bool
		want  fs.FileMode
	}{"new": {false, 0o600}, "there": {true, 0o640}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(folder(t), "ration.db")
			if test.there {
				require.NoError(t, os.WriteFile(path, nil, 0o600))
				require.NoError(t, os.Chmod(path, test.want))
			}
			s := open(t, path, sqlite.Config{})
			require.NoError(t, take(t, s, "key", 1, day))
			for _, of := range []string{"", "-wal", "-shm"} {
				info, err := os.Stat(path + of)
				require.NoError(t, err)
				require.Equal(t, test.want, info.Mode().Perm(), "%s", of)
			}
		})
	}
}
