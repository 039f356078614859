package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// A Store keeps keys, plans, groups and links. It implements apikey.Store,
// usageplan.Store, usageplan.GroupStore, usageplan.AccessReader and usageplan.Listener.
type Store struct {
	db      Database
	dialect *Dialect
	prefix  string // of errors
	keys    *table[apikey.Key]
	plans   *table[usageplan.Plan]
	links   *table[usageplan.Link]
	groups  *table[usageplan.Group]
	access  string // the statement of AccessByKey
	digest  string // that of AccessByDigest
	byHash  string // that of KeyByDigest

	listeners    usageplan.Listeners
	subscription usageplan.Subscription
}

// New returns a Store. The name is that of the package that keeps it, and errors begin
// with it.
func New(db Database, d *Dialect, name string) *Store {
	s := &Store{db: db, dialect: d, prefix: name, keys: keyTable(), plans: planTable(), links: linkTable(), groups: groupTable()}
	s.keys.prepare(d)
	s.plans.prepare(d)
	s.links.prepare(d)
	s.groups.prepare(d)
	s.prepareDigest()
	s.prepareAccess()
	return s
}

// failed wraps the error of a call. It says that ctx has ended if that is why.
func (s *Store) failed(ctx context.Context, call string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	return fmt.Errorf("%s: %s: %w", s.prefix, call, err)
}

// insert adds a record.
func insert[T any](ctx context.Context, s *Store, t *table[T], record *T, id string) error {
	err := ctx.Err()
	if err == nil {
		_, err = s.change(ctx, t.sql.insert, t.fields(record), t.faults)
	}
	return s.changed(ctx, "insert "+t.label(record), id, err)
}

// update replaces a record, if its version is the stored one.
func update[T any](ctx context.Context, s *Store, t *table[T], record *T, id string) error {
	err := ctx.Err()
	if err == nil {
		err = s.expect(ctx, t.sql.update, t.fields(record), t.sql.exists, t.ids, t.faults)
	}
	return s.changed(ctx, "update "+t.label(record), id, err)
}

// remove deletes a record, if its version is the stored one or 0.
func remove[T any](ctx context.Context, s *Store, t *table[T], record *T, id string) error {
	err := ctx.Err()
	if err == nil {
		fields := t.fields(record)
		fields = append(fields[:t.ids:t.ids], fields[len(fields)-1])
		err = s.expect(ctx, t.sql.delete, fields, t.sql.exists, t.ids, t.faults)
	}
	return s.changed(ctx, "delete "+t.label(record), id, err)
}

// change runs a statement with the values of fields.
func (s *Store) change(ctx context.Context, statement string, fields []field, f faults) (rows int64, err error) {
	args, err := values(s.dialect, fields)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", f.invalid, err)
	}
	rows, err = s.db.Change(ctx, statement, args...)
	if err != nil && s.db.Taken(err) {
		return 0, f.exists
	}
	return rows, err
}

// expect runs a statement that must change a row. If it changes none, there is no such
// record, or the record has another version.
func (s *Store) expect(ctx context.Context, statement string, fields []field, exists string, ids int, f faults) error {
	rows, err := s.change(ctx, statement, fields, f)
	if err != nil || rows > 0 {
		return err
	}
	args, err := values(s.dialect, fields[:ids])
	if err != nil {
		return err
	}
	found, err := query(ctx, s.db, exists, args, func(found *bool, _ Row) error { *found = true; return nil })
	switch {
	case err != nil:
		return err
	case found:
		return f.conflict
	}
	return f.notFound
}

// changed tells of a change that was made, or wraps its error.
func (s *Store) changed(ctx context.Context, call, id string, err error) error {
	if err != nil {
		return s.failed(ctx, call, err)
	}
	if s.dialect.AtOnce {
		s.listeners.Tell(id)
	}
	return nil
}

// find returns the one record that a query finds. If it finds none, the error is the
// fault notFound of the table.
func find[T any](ctx context.Context, s *Store, t *table[T], statement string, args ...any) (record T, err error) {
	if err := ctx.Err(); err != nil {
		return record, err
	}
	found, err := query(ctx, s.db, statement, args, readRecord(t))
	switch {
	case err != nil:
		return record, err
	case len(found) == 0:
		return record, t.faults.notFound
	}
	return found[0], nil
}

// readRecord returns a function for query that appends a record of t.
func readRecord[T any](t *table[T]) func(*[]T, Row) error {
	return func(list *[]T, row Row) error {
		r := reading[T]{table: t}
		if err := row.Scan(r.cells()...); err != nil {
			return err
		}
		return appendTo(list, &r)
	}
}
