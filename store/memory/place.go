package memory

import (
	"time"

	"github.com/ration-go/ration/store"
)

// place is what Charge.Place says of an account: its shard, and its slot plus one. With
// many subjects it spares a decision two lines of memory that it would wait for, one
// after the other: the subject's bytes for their hash, and the index.
func place(shard uint64, slot uint32) uint64 { return shard<<32 | uint64(slot+1) }

// takeAt is take for a steady charge whose place is that of its subject's account. If it
// is false nothing has happened.
func (s *Store) takeAt(c *store.Charge, at time.Time, now int64) bool {
	shard, slot := c.Place>>32, uint32(c.Place)-1
	if shard >= uint64(len(s.shards)) {
		return false
	}
	sh := &s.shards[shard]
	sh.mu.Lock()
	ok := slot < sh.slots
	if ok {
		a := sh.at(slot)
		ok = a.is(c.Subject) && a.steady(c, at, now)
	}
	sh.mu.Unlock()
	return ok
}
