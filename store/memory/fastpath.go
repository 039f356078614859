package memory

import (
	"hash/maphash"
	"time"

	"github.com/ration-go/ration/store"
)

// There are two shortcuts. Each one decides the common case under the shard's lock, and
// otherwise changes nothing and lets takeSlow decide (take.go):
//
//   - takeFast charges accounts whose layouts have every meter with its figures. Nearly
//     every charge is one. The others are the first of an account, the first of a window,
//     refunds, and a few unusual ones. With a Place it also skips the hash of the subject
//     and the search in the index.
//   - TakeOne decides on one bucket without a Charge.

// takeFast decides a charge if it can, and reports whether it did. If not, nothing has
// changed.
func (s *Store) takeFast(c *store.Charge, at time.Time, now int64) bool {
	if c.Op != store.Spend || len(c.Parts) != 1 {
		return c.Op == store.Spend && s.takeParts(c, at, now)
	}
	p := &c.Parts[0]
	if !fitting(p) {
		return false
	}
	var a *account
	sh := s.shardAt(p.Place)
	if sh != nil {
		sh.mu.Lock()
		if a = sh.accountAt(p.Subject, p.Place); a == nil {
			sh.mu.Unlock()
		}
	}
	if a == nil {
		if sh, a = s.lockSubject(p); a == nil {
			return false
		}
	}
	u := sh.begin(at, now)
	known := a.spend(p, u)
	if known && u.refused {
		a.undo(p.Meters, u.cells[:])
		a.showHeld(p, u)
	}
	c.OK = !u.refused
	sh.mu.Unlock()
	return known
}

// fitting reports whether the lengths of p's slices agree. It is all that Check asks of a
// part whose subject has an account with all of its meters: their figures passed Check
// when they were first charged. A charge that wants to know the Last of its windows is
// rare, and takes the slow path.
func fitting(p *store.Part) bool {
	return len(p.N) == len(p.Meters) && len(p.Meters) <= store.MaxMeters &&
		(p.Levels == nil || len(p.Levels) == len(p.Meters)) && p.Last == nil
}

// shardAt returns the shard of a place, or nil.
func (s *Store) shardAt(place uint64) *shard {
	if number := place >> 32; place != 0 && number < uint64(len(s.shards)) {
		return &s.shards[number]
	}
	return nil
}

// accountAt returns the account at a place, or nil if it is not the account of the
// subject. The place is a hint: the account may have been evicted, or belong to another
// subject by now.
func (sh *shard) accountAt(subject string, place uint64) *account {
	if slot := uint32(place) - 1; slot < sh.slots {
		if a := sh.account(slot); a.belongsTo(subject) {
			return a
		}
	}
	return nil
}

// lockSubject locks the shard of p's subject and returns it, if the subject has an
// account. Most subjects have no '>', so it looks in the shard that the whole subject's
// hash chooses before it searches for one, which would take 5 ns.
func (s *Store) lockSubject(p *store.Part) (*shard, *account) {
	hash := maphash.String(s.seed, p.Subject)
	if sh, a := s.lockIn(hash>>s.shift, hash, p); a != nil {
		return sh, a
	}
	number := s.family(p.Subject, hash)
	if number == hash>>s.shift {
		return nil, nil
	}
	return s.lockIn(number, hash, p)
}

// lockIn locks a shard and returns it, if it has the account of p's subject.
func (s *Store) lockIn(number, hash uint64, p *store.Part) (*shard, *account) {
	sh := &s.shards[number]
	sh.mu.Lock()
	if slot, known := sh.findSlot(hash, p.Subject); known {
		p.Place = placeOf(number, slot)
		return sh, sh.account(slot)
	}
	sh.mu.Unlock()
	return nil, nil
}

// placeOf returns the Part.Place of an account: its shard, and its slot plus one, so that
// zero is no place. With many subjects it spares a decision two cache misses, one after
// the other: the subject's bytes for their hash, and the index.
func placeOf(shard uint64, slot uint32) uint64 { return shard<<32 | uint64(slot+1) }
