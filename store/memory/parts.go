package memory

import (
	"time"

	"github.com/ration-go/ration/store"
)

// takeParts is takeFast for a charge of several parts. It needs the place of every part,
// which a caller keeps beside the subject.
func (s *Store) takeParts(c *store.Charge, at time.Time, now int64) (known bool) {
	if len(c.Parts) == 0 || len(c.Parts) > store.MaxParts {
		return false
	}
	sh, together := s.shardAt(c.Parts[0].Place), true
	for i := range c.Parts {
		p := &c.Parts[i]
		if s.shardAt(p.Place) == nil || !fitting(p) {
			return false
		}
		together = together && s.shardAt(p.Place) == sh
	}
	if together { // one family is in one shard
		sh.mu.Lock()
		known = s.spendParts(c, sh.begin(at, now))
		sh.mu.Unlock()
		return known
	}
	var shards lockedShards
	shards.lock(s, c)
	known = s.spendParts(c, shards.shards[0].begin(at, now))
	shards.unlock()
	return known
}

// spendParts charges one part after the other. If one refuses or is not known, it takes
// back what the others were charged. The locks of all shards are held, so nobody sees
// that.
func (s *Store) spendParts(c *store.Charge, u *undo) bool {
	for i := range c.Parts {
		if a := s.accountAt(c, i); a == nil || !a.spend(&c.Parts[i], u) {
			s.undoParts(c.Parts[:i], u)
			return false
		}
	}
	if c.OK = !u.refused; c.OK {
		return true
	}
	s.undoParts(c.Parts, u)
	for i := range c.Parts {
		s.accountAt(c, i).showHeld(&c.Parts[i], u)
	}
	return true
}

// accountAt returns the account at the place of the i-th part, or nil if the place has
// another subject's. It also returns nil for a subject that is there twice, a mistake
// that Check reports.
func (s *Store) accountAt(c *store.Charge, i int) *account {
	p := &c.Parts[i]
	for j := range i {
		if c.Parts[j].Place == p.Place {
			return nil
		}
	}
	return s.shardAt(p.Place).accountAt(p.Subject, p.Place)
}

func (s *Store) undoParts(parts []store.Part, u *undo) {
	saved := u.cells[:]
	for i := range parts {
		p := &parts[i]
		saved = s.shardAt(p.Place).accountAt(p.Subject, p.Place).undo(p.Meters, saved)
	}
}

// lockedShards are the shards of a charge's places, each once, in the order of the Store.
// Every charge locks in that order, so two charges cannot deadlock.
type lockedShards struct {
	shards [store.MaxParts]*shard
	n      int
}

// lock locks the shards of the places, which all exist.
func (l *lockedShards) lock(s *Store, c *store.Charge) {
	var numbers [store.MaxParts]uint64
	for i := range c.Parts {
		number, at := c.Parts[i].Place>>32, 0
		for at < l.n && numbers[at] < number {
			at++
		}
		if at == l.n || numbers[at] != number {
			copy(numbers[at+1:l.n+1], numbers[at:l.n])
			numbers[at] = number
			l.n++
		}
	}
	for i := range l.n {
		l.shards[i] = &s.shards[numbers[i]]
		l.shards[i].mu.Lock()
	}
}

func (l *lockedShards) unlock() {
	for i := range l.n {
		l.shards[i].mu.Unlock()
	}
}
