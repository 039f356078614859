package memory

import (
	"fmt"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// A closedSet has the subjects of one shard that were moved. They have no account, so no
// charge on the fast path looks here.
type closedSet map[string]closed

// closed says where a subject has moved, and until when it stays closed.
type closed struct {
	to    string
	until time.Time
}

// check returns a store.MovedError if the subject is closed.
func (s closedSet) check(subject string) error {
	if c, ok := s[subject]; ok {
		return &store.MovedError{Subject: strings.Clone(subject), To: c.to}
	}
	return nil
}

// move closes the subject of the first part, and renames its account to the second. The
// shards are locked. It reports false if there is no room for the subjects. Then, and
// after an error, nothing has changed.
func (w *work) move(at time.Time, now int64) (room bool, err error) {
	from, to := &w.sites[0], &w.sites[1]
	old, name := w.charge.Parts[0].Subject, w.charge.Parts[1].Subject
	if c, ok := from.shard.closed[old]; ok {
		if c.to == name {
			return true, nil // it has moved already
		}
		return false, from.shard.closed.check(old)
	}

	if at.IsZero() {
		at = time.Now()
	}
	w.find()
	if to.known {
		to.shard.dropSpent(to.hash, name, at, now)
	}
	if !to.shard.makeSpace(1, at, now) {
		return false, nil
	}
	w.find()
	if to.known {
		return false, fmt.Errorf("%w, %w: parts[1].subject: %.100q: in use: want a subject without state", store.ErrInvalid, store.ErrNotTaken, name)
	}

	// The account of the old subject becomes that of the new one. The closed subject is one
	// more. A new subject that was closed itself is one less.
	_, wasClosed := to.shard.closed[name]
	if !wasClosed && !w.store.countSubjects(1) {
		return false, nil
	}
	if from.known {
		to.shard.adopt(from.shard, from.slot, to.hash, name)
		from.shard.removeSubject(from.hash, old)
	}
	delete(to.shard.closed, name)
	w.store.subjects.Add(-from.shard.dropOpen(at))
	from.shard.close(old, name, at)
	return true, nil
}

// close notes that a subject has moved.
func (sh *shard) close(subject, to string, at time.Time) {
	if sh.closed == nil {
		sh.closed = closedSet{}
	}
	sh.closed[strings.Clone(subject)] = closed{strings.Clone(to), at.Add(store.ClosedFor)}
}

// dropOpen forgets the subjects that were closed for long enough, and returns how many
// they were.
func (sh *shard) dropOpen(at time.Time) (n int64) {
	for subject, c := range sh.closed {
		if c.until.Before(at) {
			delete(sh.closed, subject)
			n++
		}
	}
	return n
}

// adopt makes the account of a subject with the state of another account, which may be of
// another shard.
func (sh *shard) adopt(from *shard, slot uint32, hash uint64, subject string) {
	a := sh.account(sh.insert(hash, subject))
	old := from.account(slot) // after the insertion, which may move accounts
	a.layout, a.cells = old.layout, old.cells
	if o := old.overflow; o != nil {
		o.subject = nil
		if a.overflow != nil {
			o.subject = a.overflow.subject
		}
		a.overflow = o
	}
	for k := range sh.due {
		sh.due[k] = min(sh.due[k], from.due[k])
	}
}

// removeSubject removes the account of a subject.
func (sh *shard) removeSubject(hash uint64, subject string) {
	if i, ok := sh.findEntry(hash, subject); ok {
		sh.remove(i)
	}
}

// dropSpent evicts the account of a subject if nothing is lost with it.
func (sh *shard) dropSpent(hash uint64, subject string, at time.Time, now int64) {
	if i, ok := sh.findEntry(hash, subject); ok {
		if a := sh.account(sh.index[i].slot()); a.dueAt(spent, at, now) <= now {
			sh.store.countEviction(a, at)
			sh.remove(i)
		}
	}
}
