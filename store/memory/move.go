package memory

import (
	"fmt"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// A closedSet has the subjects of one shard that were moved. They have no account, so no
// charge on the fast path looks here. A nil set has none.
type closedSet struct {
	subjects map[string]closed
	due      time.Time // no subject opens before
}

// closed says where a subject has moved, and until when it stays closed.
type closed struct {
	to    string
	until time.Time
}

// find returns where the subject has moved, if it is closed.
func (s *closedSet) find(subject string) (c closed, ok bool) {
	if s != nil {
		c, ok = s.subjects[subject]
	}
	return c, ok
}

// check returns a store.MovedError if the subject is closed.
func (s *closedSet) check(subject string) error {
	if c, ok := s.find(subject); ok {
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
	if c, ok := from.shard.closed.find(old); ok {
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
	from.shard.dropOpen(at, now)
	if !to.shard.makeSpace(1, at, now) {
		return false, nil
	}
	w.find()
	if to.known {
		return false, fmt.Errorf("%w, %w: parts[1].subject: %.100q: in use: want a subject without state", store.ErrInvalid, store.ErrNotTaken, name)
	}

	// The account of the old subject becomes that of the new one. The closed subject is one
	// more. A new subject that was closed itself is one less.
	_, wasClosed := to.shard.closed.find(name)
	if !wasClosed && !w.store.countSubjects(1) {
		return false, nil
	}
	if wasClosed {
		delete(to.shard.closed.subjects, name)
	}
	if from.known {
		state := *from.shard.account(from.slot)
		from.shard.removeSubject(from.hash, old)
		to.shard.adopt(&state, to.hash, name)
		for k := range to.shard.due {
			to.shard.due[k] = min(to.shard.due[k], from.shard.due[k])
		}
	}
	from.shard.close(old, name, closedUntil(at))
	return true, nil
}

// closedUntil returns until when a subject stays closed that is moved at an instant. If
// the clock of the caller is behind, the clock of this process counts.
func closedUntil(at time.Time) time.Time {
	if own := time.Now(); own.After(at) {
		at = own
	}
	return at.Add(store.ClosedFor)
}

// close notes that a subject has moved, and until when it stays closed.
func (sh *shard) close(subject, to string, until time.Time) {
	if sh.closed == nil {
		sh.closed = &closedSet{subjects: map[string]closed{}, due: until}
	}
	sh.closed.subjects[strings.Clone(subject)] = closed{strings.Clone(to), until}
	if until.Before(sh.closed.due) {
		sh.closed.due = until
	}
	sh.due[spent] = 0 // until the next sweep
}

// dropOpen forgets the subjects that were closed for long enough, and returns how many
// they were. Every other subject is closed for longer than those, so a Move looks at all
// of them only when one is due.
func (sh *shard) dropOpen(at time.Time, now int64) (dropped int) {
	at, _ = sh.store.evictionClock(at, now)
	s := sh.closed
	if s == nil || !at.After(s.due) {
		return 0
	}
	s.due = at.Add(store.ClosedFor)
	for subject, c := range s.subjects {
		if at.After(c.until) {
			delete(s.subjects, subject)
			dropped++
		} else if c.until.Before(s.due) {
			s.due = c.until
		}
	}
	sh.store.subjects.Add(int64(-dropped))
	sh.store.spent.Add(int64(dropped))
	return dropped
}

// adopt makes the account of a subject with the state of another account, which has been
// removed.
func (sh *shard) adopt(state *account, hash uint64, subject string) {
	a := sh.account(sh.insert(hash, subject))
	a.layout, a.cells = state.layout, state.cells
	if o := state.overflow; o != nil {
		o.subject = nil
		if a.overflow != nil {
			o.subject = a.overflow.subject
		}
		a.overflow = o
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
	at, now = sh.store.evictionClock(at, now)
	if i, ok := sh.findEntry(hash, subject); ok {
		if a := sh.account(sh.index[i].slot()); a.dueAt(spent, at, now) <= now {
			sh.store.countEviction(a, at)
			sh.remove(i)
		}
	}
}
