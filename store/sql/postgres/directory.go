package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/sql/internal/directory"
	"github.com/ration-go/ration/usageplan"
)

// records is the part of a Store that keeps keys, plans, groups and links.
type records = directory.Store

// database runs the statements of the directory.
type database struct{ store *Store }

// Change implements directory.Database. A statement alone is a transaction of its own.
//
// The server refuses a statement if two changes that run at once wait for each other, as
// when two keys exchange their digests. If the sessions have another isolation than read
// committed, it also refuses the second change of a row. Nothing was changed then, so the
// statement is sent again.
func (d *database) Change(ctx context.Context, statement string, args ...any) (rows int64, err error) {
	if err := d.store.checkReady(ctx); err != nil {
		return 0, err
	}
	for range directory.Attempts {
		var tag pgconn.CommandTag
		if tag, err = d.store.pool.Exec(ctx, statement, args...); !d.Outrun(err) {
			return tag.RowsAffected(), markDenied(err)
		}
	}
	return 0, err
}

// Quietly implements directory.Database. See Change for why it begins again.
func (d *database) Quietly(ctx context.Context, statements []directory.Statement) (err error) {
	if err := d.store.checkReady(ctx); err != nil {
		return err
	}
	for range directory.Attempts {
		err = pgx.BeginFunc(ctx, d.store.pool, func(tx pgx.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(ctx, s.SQL, s.Args...); err != nil {
					return err
				}
			}
			return nil
		})
		if !d.Outrun(err) {
			return markDenied(err)
		}
	}
	return err
}

// Outrun implements directory.Database.
func (d *database) Outrun(err error) bool {
	const serializationFailure, deadlock = "40001", "40P01"
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (fault.Code == serializationFailure || fault.Code == deadlock)
}

// Query implements directory.Database.
func (d *database) Query(ctx context.Context, statement string, args []any, each func(directory.Row) error) error {
	if err := d.store.checkReady(ctx); err != nil {
		return err
	}
	rows, err := d.store.pool.Query(ctx, statement, args...)
	if err != nil {
		return markDenied(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return markDenied(rows.Err())
}

// Taken implements directory.Database. The index of seq does not count: a number that is
// given twice is a sequence that was set back by hand.
func (d *database) Taken(err error) bool {
	const uniqueViolation = "23505"
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && fault.Code == uniqueViolation && !strings.Contains(fault.ConstraintName, "seq")
}

var (
	_ apikey.Store           = (*Store)(nil)
	_ usageplan.Store        = (*Store)(nil)
	_ usageplan.GroupStore   = (*Store)(nil)
	_ usageplan.AccessReader = (*Store)(nil)
	_ usageplan.Listener     = (*Store)(nil)
)
