package memory

import (
	"time"

	"github.com/ration-go/ration/store"
)

// takeParts is takeFast for a charge of several parts. It needs the place of every part,
// which a caller keeps beside the subject.
func (s *Store) takeParts(c *store.Charge, at time.Time, now int64) bool {
	var shards lockedShards
	if len(c.Parts) > store.MaxParts || !shards.lock(s, c) {
		return false
	}
	known := s.spendParts(c, at.UnixMicro(), now, shards.shards[0].scratch())
	shards.unlock()
	return known
}

// spendParts charges one part after the other. If one refuses or is not known, it takes
// back what the others were charged. The locks of all shards are held, so nobody sees
// that.
func (s *Store) spendParts(c *store.Charge, wall, now int64, u *undo) bool {
	c.OK, u.used = true, 0
	for i := range c.Parts {
		a := s.accountAt(c, i)
		fits, known := false, a != nil
		if known {
			fits, known = a.spend(&c.Parts[i], wall, now, u)
		}
		if !known {
			s.undoParts(c.Parts[:i], u)
			return false
		}
		c.OK = c.OK && fits
	}
	if !c.OK {
		s.undoParts(c.Parts, u)
		for i := range c.Parts {
			s.accountAt(c, i).showHeld(&c.Parts[i], wall, now)
		}
	}
	return true
}

// accountAt returns the account at the place of the i-th part, or nil if the place has
// another subject's. It also returns nil for a subject that is there twice, a mistake that
// Check reports.
func (s *Store) accountAt(c *store.Charge, i int) *account {
	p := &c.Parts[i]
	sh, slot := &s.shards[p.Place>>32], uint32(p.Place)-1
	if slot >= sh.slots || !sh.account(slot).belongsTo(p.Subject) {
		return nil
	}
	for j := range i {
		if c.Parts[j].Place == p.Place {
			return nil
		}
	}
	return sh.account(slot)
}

func (s *Store) undoParts(parts []store.Part, u *undo) {
	saved := u.cells[:]
	for i := range parts {
		p := &parts[i]
		saved = s.shards[p.Place>>32].account(uint32(p.Place)-1).undo(p.Meters, saved)
	}
}

// lockedShards are the shards of a charge's places, each once, in the order of the Store.
// Every charge locks in that order, so two charges cannot deadlock.
type lockedShards struct {
	shards [store.MaxParts]*shard
	n      int
}

// lock locks the shards of the places. It reports false, and locks none, if there is no
// part, or one without a place or with slices of different lengths.
func (l *lockedShards) lock(s *Store, c *store.Charge) bool {
	var numbers [store.MaxParts]uint64
	n := 0
	for i := range c.Parts {
		place := c.Parts[i].Place
		if place == 0 || place>>32 >= uint64(len(s.shards)) || !fitting(&c.Parts[i]) {
			return false
		}

		// One family is in one shard, so most charges add only the first.
		number, at := place>>32, 0
		for at < n && numbers[at] < number {
			at++
		}
		if at == n || numbers[at] != number {
			copy(numbers[at+1:n+1], numbers[at:n])
			numbers[at] = number
			n++
		}
	}
	if n == 0 {
		return false
	}
	for i := range n {
		l.shards[i] = &s.shards[numbers[i]]
		l.shards[i].mu.Lock()
	}
	l.n = n
	return true
}

func (l *lockedShards) unlock() {
	for i := range l.n {
		l.shards[i].mu.Unlock()
	}
}
