package directory

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ration-go/ration/history"
)

// historyStore keeps an audit log in the table ration_history.
type historyStore struct {
	store  *Store
	bounds history.Bounds
	table  *table[history.Entry]
	trim   []string // removes what is beyond Max, and what is too old
}

// History returns a history.Store over the database. All processes share its entries, and
// each keeps the Bounds that it was given. An entry is added in one transaction, which
// removes those that are out of bounds. For one page it examines at most 1,000 entries,
// so a filtered page may be short, or empty, and still have a next cursor.
func (s *Store) History(b history.Bounds) history.Store {
	t := historyTable()
	t.prepare(s.dialect)
	return &historyStore{store: s, bounds: b.WithDefaults(), table: t, trim: []string{
		fmt.Sprintf("DELETE FROM %s WHERE seq <= (SELECT max(seq) FROM %[1]s) - %s", t.name, s.dialect.parameter(1, Int)),
		fmt.Sprintf("DELETE FROM %s WHERE at < %s", t.name, s.dialect.parameter(1, Time)),
	}}
}

func historyTable() *table[history.Entry] {
	invalid := history.ErrInvalid
	return &table[history.Entry]{
		name: "ration_history", fields: historyFields, faults: faults{invalid, invalid, invalid, invalid},
		label: func(e *history.Entry) string { return fmt.Sprintf("entry of %s %q", e.Kind, e.ID) },
	}
}

func historyFields(e *history.Entry) []field {
	return []field{
		timeField("at", &e.At),
		textField("actor_kind", &e.Actor.Kind),
		textField("actor_name", &e.Actor.Name),
		textField("action", &e.Action),
		textField("kind", &e.Kind),
		textField("id", &e.ID),
		stateField("state_before", (*[]byte)(&e.Before)),
		stateField("state_after", (*[]byte)(&e.After)),
	}
}

// stateField is a column of JSON that is kept byte by byte. A nil slice is NULL.
func stateField(column string, to *[]byte) field {
	return field{column, Verbatim,
		func(*Dialect) (any, error) {
			if *to == nil {
				return nil, nil
			}
			return string(*to), nil
		},
		func(src any) error {
			s, err := textOf(src)
			*to = []byte(s)
			return err
		},
	}
}

// Append implements history.Store.
func (h *historyStore) Append(ctx context.Context, e history.Entry) error {
	return h.store.failed(ctx, "append to the history", h.append(ctx, &e))
}

func (h *historyStore) append(ctx context.Context, e *history.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.Validate(); err != nil {
		return err
	}
	args, err := values(h.store.dialect, h.table.fields(e))
	if err != nil {
		return fmt.Errorf("%w: %w", history.ErrInvalid, err)
	}
	batch := []Statement{{h.table.sql.insert, args}, {h.trim[0], []any{int64(h.bounds.Max)}}}
	if h.bounds.MaxAge > 0 {
		oldest := h.bounds.Oldest().UTC().Truncate(time.Microsecond)
		batch = append(batch, Statement{h.trim[1], []any{h.store.dialect.Time(oldest)}})
	}
	return h.store.db.Quietly(ctx, batch)
}

// List implements history.Store.
func (h *historyStore) List(ctx context.Context, f history.Filter, cursor string, limit int) ([]history.Entry, string, error) {
	if oldest := h.bounds.Oldest(); oldest.After(f.Since) {
		f.Since = oldest
	}
	filters := []filter{
		{column: "kind", value: escapeText(f.Kind)},
		{column: "action", value: escapeText(f.Action)},
		{column: "actor_kind", value: escapeText(f.Actor.Kind), always: f.Actor != (history.Actor{})},
		{column: "actor_name", value: escapeText(f.Actor.Name), always: f.Actor != (history.Actor{})},
		{column: "id", value: escapeText(f.ID), part: true},
		{column: "at", since: roundUp(f.Since)},
	}
	entries, next, err := list(ctx, h.store, h.table, cursor, limit, f.Passes, filters...)
	return entries, next, h.store.failed(ctx, "list the history", err)
}

// roundUp returns a time in whole microseconds, as columns have them. The zero time stays
// zero.
func roundUp(t time.Time) time.Time {
	if whole := t.UTC().Truncate(time.Microsecond); !whole.Equal(t) {
		return whole.Add(time.Microsecond)
	}
	return t.UTC()
}

// Format prints the name of the type. Without it, fmt would read the fields of the
// database without a lock, and they may hold a password.
func (h *historyStore) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, h.store.prefix+" history")
}
