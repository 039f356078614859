package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// restoreTogether is how many records one transaction restores. Charges wait meanwhile.
const restoreTogether = 200

// Restore implements store.Dumper. It restores some hundred records in one transaction.
func (s *Store) Restore(ctx context.Context, records []store.Record) error {
	if err := store.CheckRecords(records); err != nil {
		return fmt.Errorf("store/sqlite: restore: %w", err)
	}
	for some := range slices.Chunk(records, restoreTogether) {
		err := s.writer.decide(ctx, func(stmts *statements) error {
			b := s.newBook(stmts)
			for i := range some {
				if err := b.restore(&some[i]); err != nil {
					return fmt.Errorf("subject %.100q: %w", some[i].Subject, err)
				}
			}
			return b.write()
		})
		if err != nil {
			return fmt.Errorf("store/sqlite: restore: %w", explain(err))
		}
	}
	return nil
}

// restore adds a record to the book.
func (b *book) restore(r *store.Record) error {
	to, err := b.movedTo(r.Subject)
	switch {
	case err != nil:
		return err
	case r.MovedTo != "":
		return b.restoreClosed(r, to)
	case to != "":
		return &store.MovedError{Subject: r.Subject, To: to}
	}
	for i := range r.States {
		s := &r.States[i]
		m := store.Meter{Name: s.Name, Start: s.Start}
		if s.IsWindow {
			m.End = cmp.Or(s.End, s.Until, 1)
		}
		have, err := b.row(r.Subject, &m)
		if err != nil {
			return err
		}
		b.merge(have, s, m.End)
	}
	return nil
}

// merge gives a row the state of a record, unless the row has one that supersedes it.
func (b *book) merge(r *row, s *store.MeterState, ends int64) {
	was := *s
	was.State = r.state
	if (r.stored || r.changed) && !s.Supersedes(&was) {
		return
	}
	if !r.changed {
		b.changed = append(b.changed, r)
	}
	r.state, r.changed = s.State, true
	if s.Until > r.keep || ends > r.ends && r.ends == 0 {
		r.ends, r.keep, r.extended = cmp.Or(r.ends, ends), max(r.keep, s.Until), true
	}
}

// restoreClosed closes the subject of a record. to is where it has moved already.
func (b *book) restoreClosed(r *store.Record, to string) error {
	if to != "" && to != r.MovedTo {
		return fmt.Errorf("%w: closed for %.100q: want it closed for %.100q, or open", store.ErrInvalid, to, r.MovedTo)
	}
	if to != "" || r.Until < time.Now().Unix() {
		return nil
	}
	defer b.forget()
	if err := b.write(); err != nil {
		return err
	}
	if err := b.dropSpent(r.Subject); err != nil {
		return err
	}
	var inUse bool
	if err := b.stmts.inUse.QueryRow([]byte(r.Subject)).Scan(&inUse); err != nil {
		return err
	}
	if inUse {
		return fmt.Errorf("%w: in use: want no state of a subject that is closed", store.ErrInvalid)
	}
	_, err := b.stmts.closeSubject.Exec([]byte(r.Subject), []byte(r.MovedTo), r.Until)
	return err
}
