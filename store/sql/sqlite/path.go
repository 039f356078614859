package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/ration-go/ration/internal/fault"
)

// checkPath returns the absolute path of a database, or why there can be none.
//
// It never opens a file that is there. A process that closes a file loses all its locks
// on it, those of another Store as well, and SQLite relies on them.
func checkPath(path string) (string, error) {
	refuse := func(rule string) (string, error) {
		return "", fault.Report(ErrInvalid, "path", fmt.Errorf("%q: %s", path, rule))
	}
	switch {
	case path == "":
		return refuse("want the path of a file")
	case strings.IndexByte(path, 0) >= 0:
		return refuse("want no NUL byte")
	case path == ":memory:":
		return refuse("want a file: package memory counts in memory")
	}
	abs, err := absolute(path)
	if err != nil {
		return "", err
	}
	switch info, err := os.Stat(abs); {
	case errors.Is(err, fs.ErrNotExist):
		return abs, create(abs)
	case err != nil:
		return "", err
	case info.IsDir():
		return refuse("want a file: this is a directory")
	case !info.Mode().IsRegular():
		return refuse("want a regular file")
	case links(info) > 1:
		return refuse("want a file with one name: it has several hard links, and SQLite would keep a log for each")
	}
	return abs, nil
}

// absolute returns the path from the root. Unlike filepath.Abs it leaves each ".." to the
// system: behind a symbolic link it does not mean the folder of the link.
func absolute(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	folder, err := os.Getwd()
	return folder + string(filepath.Separator) + path, err
}

// create makes an empty file, which only its owner may read: it will hold the digests of
// secrets. SQLite gives its log the same permissions.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	target, err := os.Readlink(path)
	if err != nil {
		return nil // it is no link: another process has made the file
	}
	if !filepath.IsAbs(target) {
		folder, _ := filepath.Split(path)
		target = folder + target
	}
	return create(target)
}

// dsn returns the name by which the driver opens a file. As a URI, it is escaped: a `?`,
// a `#` or a `%` in the path is a character like any other.
func dsn(path string, pragmas ...string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/ration.db
	}
	// The mode is that of a file that is there: Open makes it, with its own permissions.
	query := url.Values{"mode": {"rw"}, "_pragma": pragmas}
	u := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	return u.String()
}
