package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ration-go/ration/store"
)

var errClosed = errors.New("the store is closed")

// code returns the primary result code of an error of SQLite, or 0.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

func isBusy(err error) bool { return code(err) == sqlite3.SQLITE_BUSY }

// isFault reports whether err may be due to one charge of a batch, so that the others can
// be decided without it: a part of the file that cannot be read, or a row that the table
// or a trigger of its owner refuses.
func isFault(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CONSTRAINT:
		return true
	}
	return errors.Is(err, errRow)
}

// errRow is wrapped by errors about a row that no Store has written.
var errRow = errors.New("a row that was changed by other means")

// notCommitted reports whether an error of COMMIT proves that nothing was committed. A
// failure to write or to sync the log proves nothing: the log may be complete
// nevertheless, and be found after a crash.
func notCommitted(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_READONLY:
		return true
	}
	return false
}

// unchanged is an error that proves that nothing was changed.
type unchanged struct{ err error }

func (u unchanged) Error() string { return store.ErrNotTaken.Error() + ": " + u.err.Error() }

// Unwrap returns store.ErrNotTaken and the cause.
func (u unchanged) Unwrap() []error { return []error{store.ErrNotTaken, u.err} }

// notTaken returns err as one that proves that nothing was changed.
func notTaken(err error) error {
	if err == nil || errors.Is(err, store.ErrNotTaken) {
		return err
	}
	return unchanged{explain(err)}
}

// cause returns err without store.ErrNotTaken, which says nothing to a caller that has
// charged nothing.
func cause(err error) error {
	if u, ok := errors.AsType[unchanged](err); ok {
		return u.err
	}
	return explain(err)
}

// hints say what the texts of SQLite leave out.
var hints = map[int]string{
	sqlite3.SQLITE_FULL:     "the disk is full",
	sqlite3.SQLITE_READONLY: "the file or its folder cannot be written",
	sqlite3.SQLITE_CANTOPEN: "the file, its log or its folder cannot be opened",
	sqlite3.SQLITE_CORRUPT:  "the file is damaged: restore it from a backup",
	sqlite3.SQLITE_NOTADB:   "the file is no SQLite database, or its beginning is damaged",
	sqlite3.SQLITE_BUSY:     "another process keeps the file locked",
	sqlite3.SQLITE_IOERR:    "the disk failed",
}

// explain adds a hint to an error of SQLite. An error that proves that nothing was
// changed has one.
func explain(err error) error {
	if hint, ok := hints[code(err)]; ok && !errors.Is(err, store.ErrNotTaken) {
		return fmt.Errorf("%s: %w", hint, err)
	}
	return err
}
