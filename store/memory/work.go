package memory

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// A work decides one charge that the fast path could not. It has the places of the
// charge's subjects and their states.
type work struct {
	charge *store.Charge
	store  *Store
	sites  []site   // of the charge's parts, in their order
	shards []*shard // of the sites, each once, in the order of the Store's shards

	held, next []store.State // of the meters of all parts, as Charge.Decide wants them

	// room has what the slices need for most charges, in one allocation with the work.
	room struct {
		sites      [store.MaxParts]site
		shards     [store.MaxParts]*shard
		held, next [8]store.State
	}
}

// A site is where the subject of a part is.
type site struct {
	shard  *shard
	number uint64 // of the shard
	hash   uint64 // of the subject
	slot   uint32 // of its account, if it is known
	known  bool
}

var works = sync.Pool{New: func() any {
	w := new(work)
	w.sites, w.shards = w.room.sites[:0], w.room.shards[:0]
	w.held, w.next = w.room.held[:0], w.room.next[:0]
	return w
}}

// hash returns the number of a subject's shard, and the hash that finds it there. The
// subjects of a family are in one shard, so a charge within a family needs one lock.
func (s *Store) hash(subject string) (number, hash uint64) {
	hash = maphash.String(s.seed, subject)
	return s.family(subject, hash), hash
}

// family returns the number of a subject's shard. hash is that of the subject.
func (s *Store) family(subject string, hash uint64) (number uint64) {
	if i := strings.IndexByte(subject, '>'); i >= 0 {
		hash = maphash.String(s.seed, subject[:i])
	}
	return hash >> s.shift
}

// locate returns a work for c.
func (s *Store) locate(c *store.Charge) *work {
	w := works.Get().(*work)
	w.charge, w.store = c, s
	w.sites, w.shards = w.sites[:0], w.shards[:0]
	meters := 0
	for i := range c.Parts {
		number, hash := s.hash(c.Parts[i].Subject)
		w.sites = append(w.sites, site{shard: &s.shards[number], number: number, hash: hash})
		meters += len(c.Parts[i].Meters)
	}
	w.held = slices.Grow(w.held[:0], meters)[:meters]
	w.next = slices.Grow(w.next[:0], meters)[:meters]

	// Every charge locks its shards in their order, so two charges cannot deadlock.
	numbers := new([store.MaxParts]uint64)[:0]
	for i := range w.sites {
		numbers = append(numbers, w.sites[i].number)
	}
	slices.Sort(numbers)
	for _, number := range slices.Compact(numbers) {
		w.shards = append(w.shards, &s.shards[number])
	}
	return w
}

// release gives w back. The pool keeps nothing of the caller alive.
func (w *work) release() {
	w.charge, w.store = nil, nil
	works.Put(w)
}

func (w *work) lock() {
	for _, sh := range w.shards {
		sh.mu.Lock()
	}
}

func (w *work) unlock() {
	for _, sh := range w.shards {
		sh.mu.Unlock()
	}
}

// find finds the accounts of the subjects.
func (w *work) find() {
	for i := range w.sites {
		s := &w.sites[i]
		s.slot, s.known = s.shard.findSlot(s.hash, w.charge.Parts[i].Subject)
	}
}

// isNew reports whether the charge makes the account of its i-th subject, if it is
// applied: there is none, and there is something to write. A read takes no memory.
func (w *work) isNew(i int) bool { return !w.sites[i].known && w.writes(i) }

// writes reports whether the charge writes a state of its i-th subject, if it is applied.
func (w *work) writes(i int) bool {
	p := &w.charge.Parts[i]
	for j := range p.Meters {
		if w.charge.Changes(p, j) {
			return true
		}
	}
	return false
}

// makeSpace makes space in the shards for the accounts that the charge may make. It
// reports false if a shard can have no more.
//
// The space that one account needs may be made by evicting the account of another part.
// So if one account is new, there must be space for those of all parts.
func (w *work) makeSpace(at time.Time, now int64) bool {
	for _, sh := range w.shards {
		n, anyNew := 0, false
		for i := range w.sites {
			if w.sites[i].shard == sh && w.writes(i) {
				n++
				anyNew = anyNew || w.isNew(i)
			}
		}
		if anyNew && !sh.makeSpace(n, at, now) {
			return false
		}
	}
	return true
}

// insertNew makes the accounts that the charge needs: all of them or, if the Store is
// full, none.
func (w *work) insertNew() bool {
	n := 0
	for i := range w.sites {
		if w.isNew(i) {
			n++
		}
	}
	if n > 0 && !w.store.countSubjects(n) {
		return false
	}
	for i := range w.sites {
		if s := &w.sites[i]; w.isNew(i) {
			s.slot, s.known = s.shard.insert(s.hash, w.charge.Parts[i].Subject), true
		}
	}
	return true
}

// account returns the account of the i-th subject. A subject without one is read as
// shard.unknown. The account is looked up each time, because an insertion may move it.
func (w *work) account(i int) *account {
	s := &w.sites[i]
	if !s.known {
		return &s.shard.unknown
	}
	return s.shard.account(s.slot)
}

// readStates reads the states of all meters.
func (w *work) readStates() {
	held := w.held
	for i := range w.charge.Parts {
		a, meters := w.account(i), w.charge.Parts[i].Meters
		for j := range meters {
			held[j] = a.readState(&meters[j], j)
		}
		held = held[len(meters):]
	}
}

// writeStates keeps the states of the meters that were charged.
func (w *work) writeStates(at time.Time, now int64) {
	next := w.next
	for i := range w.charge.Parts {
		if w.sites[i].known {
			w.writePart(i, next, at, now)
		}
		next = next[len(w.charge.Parts[i].Meters):]
	}
}

func (w *work) writePart(i int, next []store.State, at time.Time, now int64) {
	sh, a, p := w.sites[i].shard, w.account(i), &w.charge.Parts[i]

	// sooner says that the account may be spent sooner than was noted. A plain charge of
	// known meters can only make that later.
	sooner := w.charge.Op == store.SetRemaining
	for j := range p.Meters {
		m, st := &p.Meters[j], &next[j]
		switch {
		case !w.charge.Changes(p, j):
			continue
		case isRare(m):
			// A rare bucket moves no layout. It brings the account's end forward only if that
			// was never noted, since the account was empty.
			sooner = sooner || len(a.layout.fields) == 0 && a.overflow.isEmpty()
			sh.placeState(a, m, st, at, now)
		case !a.writeState(m, j, st):
			sooner = true
			sh.placeState(a, m, st, at, now)
		}
		sooner = sooner || p.N[j] < 0
	}
	if sooner {
		sh.noteDue(a, at, now)
	}
}
