package sqlite

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// move closes the subject of the first part, and gives its state to that of the second.
func (b *book) move(c *store.Charge) error {
	from, to := c.Parts[0].Subject, c.Parts[1].Subject
	switch old, err := b.movedTo(from); {
	case err != nil:
		return err
	case old == to:
		c.OK = true // it was moved before
		return nil
	case old != "":
		return &store.MovedError{Subject: from, To: old}
	}

	defer b.forget()
	if err := b.write(); err != nil {
		return err
	}
	if err := b.dropSpent(to); err != nil {
		return err
	}
	var inUse bool
	if err := b.stmts.inUse.QueryRow([]byte(to)).Scan(&inUse); err != nil {
		return err
	}
	if inUse {
		return fmt.Errorf("%w, %w: parts[1].subject: %.100q: in use: want a subject without state", store.ErrInvalid, store.ErrNotTaken, to)
	}
	if err := b.give(from, to, b.store.closedUntil(c.At)); err != nil {
		return err
	}
	c.OK = true
	return nil
}

// dropSpent removes the rows of a subject that are of no use any more.
func (b *book) dropSpent(subject string) error {
	now := b.store.now().Unix()
	if _, err := b.stmts.dropWindows.Exec([]byte(subject), now); err != nil {
		return err
	}
	_, err := b.stmts.dropBuckets.Exec([]byte(subject), now)
	return err
}

// give renames the rows of a subject, opens the new name and closes the old one.
func (b *book) give(from, to string, until int64) error {
	old, name := []byte(from), []byte(to)
	if _, err := b.stmts.giveWindows.Exec(name, old); err != nil {
		return err
	}
	if _, err := b.stmts.giveBuckets.Exec(name, old); err != nil {
		return err
	}
	if _, err := b.stmts.openSubject.Exec(name); err != nil {
		return err
	}
	_, err := b.stmts.closeSubject.Exec(old, name, until)
	return err
}

// closedUntil returns until when a subject stays closed that is moved at an instant, in
// Unix seconds. If the clock of the caller is behind, the clock of this process counts.
func (s *Store) closedUntil(at time.Time) int64 {
	if now := s.now(); now.After(at) {
		at = now
	}
	return at.Add(store.ClosedFor).Unix() + 1
}
