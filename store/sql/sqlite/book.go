package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/ration-go/ration/store"
)

// A book decides charges in one transaction. It remembers what it has read and changed,
// and writes each changed row once, so a subject that many callers charge at once costs
// little more than one that is charged once.
type book struct {
	store   *Store
	stmts   *statements
	moved   map[string]string // by subject: where it has moved, or "" if it is open
	rows    map[meterKey]*row
	changed []*row

	parts      []*row // of the charge that is decided
	held, next []store.State
}

// meterKey identifies a meter of a subject.
type meterKey struct {
	subject, name string
	start         int64
	isWindow      bool
}

func (s *Store) newBook(stmts *statements) *book {
	return &book{store: s, stmts: stmts, moved: map[string]string{}, rows: map[meterKey]*row{}}
}

// take decides one charge.
func (b *book) take(c *store.Charge) error {
	if c.Op == store.Move {
		return b.move(c)
	}
	if err := b.find(c); err != nil {
		return err
	}
	at, now := b.store.clocks(c.At)
	if !c.Decide(b.held, b.next, at, now) {
		return nil
	}
	i := 0
	for p := range c.Parts {
		part := &c.Parts[p]
		for j := range part.Meters {
			if c.Changes(part, j) {
				b.set(b.parts[i], b.next[i], &part.Meters[j])
			}
			i++
		}
	}
	return nil
}

// find reads the rows of all meters of a charge, those that it has not read yet.
//
// A subject that has a row is open, because a Move takes all of them away. So most
// charges need not look for a move.
func (b *book) find(c *store.Charge) error {
	b.parts, b.held = b.parts[:0], b.held[:0]
	for p := range c.Parts {
		part, isOpen := &c.Parts[p], false
		for j := range part.Meters {
			r, err := b.row(part.Subject, &part.Meters[j])
			if err != nil {
				return err
			}
			isOpen = isOpen || r.stored || r.changed
			b.parts, b.held = append(b.parts, r), append(b.held, r.state)
		}
		if isOpen {
			continue
		}
		to, err := b.movedTo(part.Subject)
		if err != nil {
			return err
		}
		if to != "" {
			return &store.MovedError{Subject: part.Subject, To: to}
		}
	}
	b.next = append(b.next[:0], b.held...)
	return nil
}

// movedTo returns where a subject has moved, or "" if it is open.
func (b *book) movedTo(subject string) (string, error) {
	to, known := b.moved[subject]
	if known {
		return to, nil
	}
	to, err := b.stmts.movedTo(subject)
	if err == nil {
		b.moved[subject] = to
	}
	return to, err
}

// movedTo returns where a subject has moved, or "" if it is open.
func (l *lookups) movedTo(subject string) (string, error) {
	var to []byte
	err := l.moved.QueryRow([]byte(subject)).Scan(&to)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return string(to), err
}

// row returns the row of a meter. If the file has none, its state is that of a meter that
// was never used.
func (b *book) row(subject string, m *store.Meter) (*row, error) {
	key := meterKey{subject, m.Name, m.Start, m.IsWindow()}
	if r := b.rows[key]; r != nil {
		return r, nil
	}
	r := &row{subject: subject, name: m.Name, start: m.Start, isWindow: key.isWindow}
	if err := r.read(&b.stmts.lookups); err != nil {
		return nil, err
	}
	b.rows[key] = r
	return r, nil
}

func (b *book) set(r *row, state store.State, m *store.Meter) {
	if !r.changed {
		b.changed = append(b.changed, r)
	}
	r.set(state, m)
}

// write writes the changed rows to the file.
func (b *book) write() error {
	for _, r := range b.changed {
		if err := r.write(b.stmts); err != nil {
			return fmt.Errorf("subject %.100q: %w", r.subject, err)
		}
	}
	b.changed = b.changed[:0]
	return nil
}

// forget drops what the book remembers of the file, after a change that it did not make.
func (b *book) forget() {
	clear(b.moved)
	clear(b.rows)
}
