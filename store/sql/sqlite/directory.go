package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ration-go/ration/store/sql/internal/directory"
)

// records is the part of a Store that keeps keys, plans, groups and links.
type records = directory.Store

// database runs the statements of the directory.
type database struct {
	path   string
	writer *writer
	db     *sql.DB  // reads
	stmts  sync.Map // the text of a statement -> *sql.Stmt of db
	own    ownChanges
	closed chan struct{}
}

func newDatabase(path string, cfg Config, w *writer) *database {
	d := &database{path: path, writer: w, closed: make(chan struct{})}
	d.db = d.open()
	d.db.SetMaxOpenConns(cfg.Readers)
	d.db.SetMaxIdleConns(cfg.Readers)
	return d
}

// open returns connections that read.
func (d *database) open() *sql.DB {
	db, err := sql.Open("sqlite", dsn(d.path, fmt.Sprintf("busy_timeout(%d)", d.writer.busy.Milliseconds()), "query_only(1)", "cell_size_check(1)"))
	if err != nil {
		panic(err) // the driver is not registered
	}
	return db
}

// Change implements directory.Database.
func (d *database) Change(ctx context.Context, statement string, args ...any) (rows int64, err error) {
	var number int64 // of the change
	err = d.writer.change(ctx, func(ctx context.Context, conn *sql.Conn) error {
		version, err := schemaVersion(ctx, conn)
		if err == nil {
			err = checkVersion(version, d.writer.want)
		}
		if err != nil {
			return err
		}
		result, err := conn.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		if rows, err = result.RowsAffected(); err != nil || rows == 0 {
			return err
		}
		if err = conn.QueryRowContext(ctx, "SELECT max(seq) FROM ration_changes").Scan(&number); err == nil {
			d.own.begin(number)
		}
		return err
	})
	d.own.end(number, err == nil)
	return rows, explain(err)
}

// Quietly implements directory.Database.
func (d *database) Quietly(ctx context.Context, statements []directory.Statement) error {
	return explain(d.writer.change(ctx, func(ctx context.Context, conn *sql.Conn) error {
		version, err := schemaVersion(ctx, conn)
		if err == nil {
			err = checkVersion(version, d.writer.want)
		}
		for i := 0; err == nil && i < len(statements); i++ {
			_, err = conn.ExecContext(ctx, statements[i].SQL, statements[i].Args...)
		}
		return err
	}))
}

// Query implements directory.Database.
func (d *database) Query(ctx context.Context, statement string, args []any, each func(directory.Row) error) error {
	stmt, err := d.prepared(ctx, statement)
	if err != nil {
		return d.unready(ctx, err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return explain(rows.Err())
}

// prepared returns a statement. There are a few dozen of them.
func (d *database) prepared(ctx context.Context, statement string) (*sql.Stmt, error) {
	if stmt, ok := d.stmts.Load(statement); ok {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := d.db.PrepareContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	if other, loaded := d.stmts.LoadOrStore(statement, stmt); loaded {
		stmt.Close()
		return other.(*sql.Stmt), nil
	}
	return stmt, nil
}

// unready returns why a statement cannot be prepared: the Store is closed, or the schema
// is not the one that this package wants.
func (d *database) unready(ctx context.Context, err error) error {
	select {
	case <-d.closed:
		return errClosed
	default:
	}
	conn, connErr := d.db.Conn(ctx)
	if connErr != nil {
		return explain(err)
	}
	defer conn.Close()
	version, versionErr := schemaVersion(ctx, conn)
	if versionErr == nil {
		versionErr = checkVersion(version, d.writer.want)
	}
	return explain(cmp.Or(versionErr, err))
}

// Taken implements directory.Database.
func (d *database) Taken(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// Outrun implements directory.Database. SQLite makes a statement wait instead.
func (d *database) Outrun(error) bool { return false }

// close ends the Runs and closes the connections. It is called once.
func (d *database) close() error {
	close(d.closed)
	return d.db.Close()
}
