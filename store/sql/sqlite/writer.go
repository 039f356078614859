package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"
)

// A writer has the one connection that changes the file. All changes of this process take
// turns on it, so that they never find the file locked by one another.
type writer struct {
	path string
	file fs.FileInfo // that Open has found; set by the first change
	db   *sql.DB
	turn chan struct{} // has an element while the connection is in use
	busy time.Duration // Config.Busy
	want int           // the version of the schema

	// The fields below belong to whoever has the turn.
	closed  bool
	session // closed until it is needed, and after a failure
	begin   *sql.Stmt
	commit  *sql.Stmt
	stmts   *statements // nil until the schema is right

	log    string    // the path of the log
	waited time.Time // when restartLog has last waited in vain
}

func newWriter(path string, cfg Config) *writer {
	pragmas := []string{
		// First, since the others may find the file locked by another process that opens it.
		fmt.Sprintf("busy_timeout(%d)", cfg.Busy.Milliseconds()),
		"journal_mode(wal)",
		// A log that a long read has let grow becomes small again.
		fmt.Sprintf("journal_size_limit(%d)", maxLog),
		"cache_size(-16384)",
		// A checkpoint writes each changed page once, however often it was changed. With the
		// default of 1,000 pages, charges of many subjects are half as fast.
		"wal_autocheckpoint(10000)",
		"cell_size_check(1)",
	}
	switch cfg.Sync {
	case Full:
		// Without fullfsync, macOS leaves the last writes in the memory of the disk.
		pragmas = append(pragmas, "synchronous(full)", "fullfsync(1)", "checkpoint_fullfsync(1)")
	case Normal:
		pragmas = append(pragmas, "synchronous(normal)")
	}
	db, err := sql.Open("sqlite", dsn(path, pragmas...))
	if err != nil {
		panic(err) // the driver is not registered
	}
	db.SetMaxOpenConns(1)
	return &writer{path: path, db: db, turn: make(chan struct{}, 1), busy: cfg.Busy, want: len(Migrations())}
}

// change calls f in a transaction that may write, and commits it unless f returns an
// error. The schema need not be there.
//
// An error wraps store.ErrNotTaken if nothing was changed. After ctx is done no
// transaction begins. One that has begun ignores ctx, so f gets another one, which has no
// end.
func (w *writer) change(ctx context.Context, f func(ctx context.Context, conn *sql.Conn) error) error {
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return notTaken(ctx.Err())
	}
	if err := w.start(ctx); err != nil {
		return notTaken(err)
	}
	returned := false
	defer func() {
		if !returned { // f has panicked
			w.disconnect()
		}
	}()
	err := f(context.Background(), w.conn)
	returned = true
	if err != nil {
		w.rollback()
		return notTaken(err)
	}
	if _, err = w.commit.Exec(); err != nil {
		w.rollback()
		if notCommitted(err) {
			err = notTaken(err)
		}
		return err
	}
	w.restartLog()
	return nil
}

// decide is like change. The schema must be there, and f gets its statements.
func (w *writer) decide(ctx context.Context, f func(stmts *statements) error) error {
	return w.change(ctx, func(ctx context.Context, conn *sql.Conn) error {
		if err := w.ready(ctx); err != nil {
			return err
		}
		return f(w.stmts)
	})
}

// ready makes the statements, once for each connection. It checks the version of the
// schema each time, since a newer release may have changed it meanwhile.
func (w *writer) ready(ctx context.Context) (err error) {
	var version int
	if w.stmts == nil {
		if version, err = schemaVersion(ctx, w.conn); err == nil {
			err = checkVersion(version, w.want)
		}
		if err != nil {
			return err
		}
		stmts := new(statements)
		if err = w.prepare(stmts.texts()...); err == nil {
			w.stmts = stmts
		}
		return err
	}
	if err = w.stmts.version.QueryRow().Scan(&version); err != nil {
		return err
	}
	return checkVersion(version, w.want)
}

// start begins a transaction. It connects first if there is no connection.
func (w *writer) start(ctx context.Context) error {
	if w.closed {
		return errClosed
	}
	if err := w.connect(context.Background()); err != nil {
		w.disconnect()
		return err
	}
	if err := w.lock(ctx); err != nil {
		return err
	}
	if err := w.checkFile(); err != nil {
		w.rollback()
		return err
	}
	return nil
}

// checkFile returns an error if the path leads to another file than before, or to none. A
// removed file can be written for as long as it is open, and all of that is lost.
func (w *writer) checkFile() error {
	info, err := os.Stat(w.path)
	if err == nil && w.file == nil {
		w.file = info
	}
	switch {
	case err != nil:
		return fmt.Errorf("the file was removed while it was open: %w", err)
	case !os.SameFile(info, w.file):
		return errors.New("the file was replaced while it was open: open it again")
	}
	return nil
}

// The pauses between two attempts to lock the file. SQLite's own grow to 100ms, and then
// mostly miss the moment in which a busy process has it unlocked.
const (
	firstPause = 100 * time.Microsecond
	maxPause   = 2 * time.Millisecond
)

// lock begins a transaction as soon as no other process writes. It gives up when ctx is
// done or w.busy has passed.
func (w *writer) lock(ctx context.Context) error {
	began := time.Now()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		_, err := w.begin.Exec()
		switch {
		case err == nil && ctx.Err() != nil: // all callers left meanwhile
			w.rollback()
			return ctx.Err()
		case err == nil:
			return nil
		case !isBusy(err):
			w.disconnect()
			return err
		case time.Since(began) >= w.busy:
			return fmt.Errorf("waited for %v: %w", w.busy, err)
		}
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connect opens the connection, unless there is one.
func (w *writer) connect(ctx context.Context) (err error) {
	if w.conn != nil {
		return nil
	}
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return err
	}
	var mode string
	if err = w.conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("journal mode %q: want wal: the file system may lack shared memory", mode)
	}
	if err = w.prepare(text{&w.begin, "BEGIN IMMEDIATE"}, text{&w.commit, "COMMIT"}); err != nil {
		return err
	}
	if w.log, err = logOf(w.path); err != nil {
		return err
	}
	// From here on, lock waits.
	_, err = w.conn.ExecContext(ctx, "PRAGMA busy_timeout = 0")
	return err
}

// rollback undoes the transaction. If that fails, it closes the connection, which undoes
// the transaction, too. After some errors SQLite has undone it by itself.
func (w *writer) rollback() {
	if _, err := w.conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		w.disconnect()
	}
}

// disconnect closes the connection. The next change opens another one.
func (w *writer) disconnect() {
	w.session.close()
	w.begin, w.commit, w.stmts = nil, nil, nil
}

// close waits for the change in progress, and refuses further ones.
func (w *writer) close() error {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	if w.closed {
		return nil
	}
	w.disconnect()
	w.closed = true
	return w.db.Close()
}
