package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// LimitPages bounds the size of the file, as a full disk does. With 0, the bound is the
// present size. It returns the bound.
func (s *Store) LimitPages(n int) (bound int, err error) {
	s.writer.turn <- struct{}{}
	defer func() { <-s.writer.turn }()
	err = s.writer.conn.QueryRowContext(context.Background(), fmt.Sprintf("PRAGMA max_page_count = %d", max(n, 1))).Scan(&bound)
	return bound, err
}

// Statements returns the text of every statement of the counters.
func Statements() (all []string) {
	for _, t := range new(statements).texts() {
		all = append(all, t.sql)
	}
	return all
}

// Change runs a statement in a transaction of the writer.
func (s *Store) Change(ctx context.Context, statement string, args ...any) error {
	return s.writer.change(ctx, func(ctx context.Context, conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, statement, args...)
		return err
	})
}

// PruneRows is how many rows Prune removes at a time.
const PruneRows = pruneRows

// DumpStatements returns the text of every statement of Dump. Each has two arguments.
func DumpStatements() []string {
	return []string{selectSubjects, selectWindows, selectBuckets, selectMoves}
}

// SetClock replaces the clock of a Store.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

// Hang keeps the writer from its connection, as a disk that does not answer does, until
// the result is called.
func (s *Store) Hang() (end func()) {
	s.writer.turn <- struct{}{}
	return func() { <-s.writer.turn }
}
