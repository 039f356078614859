package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// readers has connections that read beside the writer.
type readers struct {
	db     *sql.DB
	free   chan *reader
	number int
	want   int // the version of the schema
}

// A reader is one connection, or none until it is needed and after a failure.
type reader struct {
	session
	begin  *sql.Stmt
	commit *sql.Stmt
	lookups
}

func newReaders(path string, cfg Config) *readers {
	db, err := sql.Open("sqlite", dsn(path,
		fmt.Sprintf("busy_timeout(%d)", cfg.Busy.Milliseconds()), "query_only(1)", "cell_size_check(1)"))
	if err != nil {
		panic(err) // the driver is not registered
	}
	rs := &readers{db: db, free: make(chan *reader, cfg.Readers), number: cfg.Readers, want: len(Migrations())}
	for range rs.number {
		rs.free <- new(reader)
	}
	return rs
}

// with calls f in a transaction that reads. The caller has one of the calls of the queue,
// so a reader is free.
func (rs *readers) with(f func(l *lookups) error) (err error) {
	r, open := <-rs.free
	if !open {
		return errClosed
	}
	sound := false
	defer func() {
		if !sound {
			r.disconnect()
		}
		rs.free <- r
	}()
	if err := r.connect(rs); err != nil {
		return err
	}
	if _, err := r.begin.Exec(); err != nil {
		return err
	}
	var version int
	if err = r.version.QueryRow().Scan(&version); err == nil {
		err = checkVersion(version, rs.want)
	}
	if err == nil {
		err = f(&r.lookups)
	}
	_, endErr := r.commit.Exec()
	sound = err == nil && endErr == nil
	return err
}

func (r *reader) connect(rs *readers) (err error) {
	if r.conn != nil {
		return nil
	}
	ctx := context.Background()
	if r.conn, err = rs.db.Conn(ctx); err != nil {
		return err
	}
	version, err := schemaVersion(ctx, r.conn)
	if err == nil {
		err = checkVersion(version, rs.want)
	}
	if err != nil {
		return err
	}
	return r.prepare(append(r.texts(), text{&r.begin, "BEGIN"}, text{&r.commit, "COMMIT"})...)
}

func (r *reader) disconnect() {
	r.session.close()
	*r = reader{}
}

// close waits for the reads in progress, and refuses further ones.
func (rs *readers) close() error {
	for range rs.number {
		r, open := <-rs.free
		if !open {
			return nil
		}
		r.disconnect()
	}
	close(rs.free)
	return rs.db.Close()
}
