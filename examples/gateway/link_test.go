//go:build unix

package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestFileLinked checks that two gateways cannot use one file under two names. Links are
// refused. Another path to the directory leads to the same lock file.
func TestFileLinked(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for name, c := range map[string]struct {
		make func(dir string) error // makes another name of the free "ration.json"
		path string
		want string
	}{
		"a link to the file":      {func(dir string) error { return os.Symlink("ration.json", dir+"/other.json") }, "other.json", "a symbolic link: want the file itself"},
		"a link to nothing":       {func(dir string) error { return os.Symlink("none.json", dir+"/other.json") }, "other.json", "a symbolic link: want the file itself"},
		"a hard link":             {func(dir string) error { return os.Link(dir+"/ration.json", dir+"/other.json") }, "other.json", "2 hard links: want a file with one name"},
		"the name of a hard link": {func(dir string) error { return os.Link(dir+"/ration.json", dir+"/other.json") }, "ration.json", "2 hard links: want a file with one name"},
		"a directory":             {func(dir string) error { return os.Mkdir(dir+"/other.json", 0o700) }, "other.json", "a directory: want a regular file"},
		"a lock that is a link":   {func(dir string) error { return os.Symlink("elsewhere", dir+"/other.json.lock") }, "other.json", "other.json.lock: a symbolic link: want the file itself"},
		"a lock with two names": {func(dir string) error { return os.Link(dir+"/ration.json.lock", dir+"/other.json.lock") }, "other.json",
			"other.json.lock: 2 hard links: want a file with one name"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			first, err := open("file:"+dir+"/ration.json", log)
			require.NoError(t, err)
			require.NoError(t, first.close())
			require.NoError(t, c.make(dir))
			before := listing(t, dir)
			_, err = open("file:"+filepath.Join(dir, c.path), log)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "-store file:"+dir)
			require.Subset(t, listing(t, dir), before, "nothing is replaced")
		})
	}
}

// TestFileElsewhere checks that a file has one gateway, by whatever path to its
// directory.
func TestFileElsewhere(t *testing.T) {
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/real", 0o700))
	require.NoError(t, os.Symlink("real", dir+"/link"))
	first, err := open("file:"+dir+"/real/ration.json", log)
	require.NoError(t, err)
	for _, path := range []string{"/real/ration.json", "/link/ration.json", "/link/../real/./ration.json"} {
		_, err = open("file:"+dir+path, log)
		require.ErrorContains(t, err, "another gateway uses the file", path)
	}
	require.NoError(t, first.close())
	again, err := open("file:"+dir+"/link/ration.json", log)
	require.NoError(t, err)
	require.NoError(t, again.close())
}

// TestFileBecomesLink checks that a save does not replace a link that was put in the
// place of the file after the start.
func TestFileBecomesLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ration.json")
	st, err := open("file:"+path, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, os.Rename(path, path+".moved"))
	require.NoError(t, os.Symlink(path+".moved", path))
	_, _, err = must(apikey.NewService(st.backend, apikey.Config{})).Create(t.Context(), apikey.Key{})
	require.NoError(t, err)
	require.ErrorContains(t, st.file.save(), "want a regular file, which is replaced")
	target, err := os.Readlink(path)
	require.NoError(t, err)
	require.Equal(t, path+".moved", target)
	require.NoError(t, os.Remove(path))
	require.NoError(t, st.close())
}

// listing returns what each name in a directory is.
func listing(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		text, _ := os.Readlink(filepath.Join(dir, e.Name()))
		list = append(list, e.Name()+" "+info.Mode().Type().String()+" "+text)
	}
	return list
}
