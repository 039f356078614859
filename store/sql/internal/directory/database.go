package directory

import (
	"context"
	"time"
)

// A Database runs the statements of a Store. It is safe for concurrent use.
//
// The parameters of a statement are $1, $2 and so on. An argument is nil, a string, a
// []byte, a bool, an int64, or what Dialect.Time has returned.
type Database interface {
	// Change runs a statement that changes one row or none, as a transaction of its own. It
	// returns how many rows have changed.
	Change(ctx context.Context, statement string, args ...any) (rows int64, err error)

	// Quietly runs statements in one transaction. They change no record that listeners hear
	// of.
	Quietly(ctx context.Context, statements []Statement) error

	// Query runs a statement that changes nothing, and calls each for every row of its
	// result. All rows are of one instant. An error may come after some rows.
	Query(ctx context.Context, statement string, args []any, each func(Row) error) error

	// Taken reports whether err says that a column must not have the same value in two rows.
	Taken(err error) bool

	// Outrun reports whether err says that the database has refused a statement because of
	// changes that ran at the same time. Then it may be run again.
	Outrun(err error) bool
}

// Attempts is how often a statement is run that the database refuses because of others.
const Attempts = 20

// query runs a statement that changes nothing, and calls each for every row of its
// result. Each attempt begins with a new R, because the database may refuse the statement
// after some rows.
func query[R any](ctx context.Context, db Database, statement string, args []any, each func(*R, Row) error) (result R, err error) {
	for range Attempts {
		var r R
		err = db.Query(ctx, statement, args, func(row Row) error { return each(&r, row) })
		if err == nil {
			return r, nil
		}
		if !db.Outrun(err) {
			break
		}
	}
	return result, err
}

// A Statement is a statement with its arguments.
type Statement struct {
	SQL  string
	Args []any
}

// A Row is a row of a result.
type Row interface{ Scan(dest ...any) error }

// A Dialect has what the SQL of one database has in its own way.
type Dialect struct {
	// Types are the types of columns in casts of parameters. If nil, parameters have none.
	Types map[Kind]string

	// Time returns the argument for a time, which is not zero and is in whole microseconds.
	Time func(time.Time) any

	// Begins returns the condition that a text begins with a parameter, byte by byte.
	Begins func(column, parameter string) string

	// Equals returns the condition that an indexed text, which may be long, equals a
	// parameter.
	Equals func(column, parameter string) string

	// Part returns the condition that a text has a parameter between two '/', between its
	// begin or its end and a '/', or as a whole.
	Part func(column, parameter string) string

	// Last is the query for the number that a table has given to a row last.
	Last func(table string) string

	// AtOnce reports whether a Store tells of its own changes before it returns. Otherwise
	// they are heard as those of other processes are.
	AtOnce bool
}

// A Kind is the type of a column.
type Kind int

// The kinds of columns.
const (
	Text Kind = iota
	Bytes
	Bool
	Int
	Time
	JSON
	Verbatim // JSON that is kept byte by byte
)
