package gate

import "sync/atomic"

// cache holds entries by the fingerprint of their secret, or of their key ID. It is a
// hash table with open addressing and linear probing over atomic pointers.
//
// Every decision reads the cache, so get takes no lock. All other methods need the
// resolver's lock. The cache holds at most max entries; put evicts to make room.
//
// The life of an entry. A change is what a Notifier tells of.
//
//	unknown --look-up--> looked up --usable: put--> fresh <----------------------+
//	   ^                    |                         | after half of MaxAge,     |
//	   |                    | refused                 | to all of it              |
//	   |                    v                         v                           |
//	   |             resolver.refused                due ------look-up succeeds---+
//	   |             for MaxAge, or until             |                           |
//	   |             any change                       | look-up fails: pause      |
//	   |                                              v                           |
//	   |                                    +-----> stale -----look-up succeeds---+
//	   |                                    |         |
//	   |                                    +---------+ look-up fails: longer pause
//	   |                                              |
//	   |                                              | MaxStale has passed
//	   |                                              v
//	   +--changed, evicted, refused-- any state      not used until it is read
//
// A change of "", which names neither a key nor a plan, makes every entry due at once.
// Refused secrets are kept apart, so that they never evict a usable key.
type cache struct {
	// table has a power of two as its length. At most three quarters of its slots are
	// filled, so probing always ends at an empty one.
	table atomic.Pointer[[]slot]

	byKey map[string]*entry // by key ID; the entries of a key are linked through next

	max    int
	live   int    // entries
	filled int    // entries and tombstones
	hand   uint64 // the next slot that evict looks at
}

// slot is a place of the table.
//
// head is that of the entry's fingerprint. It lies beside the pointer, so that a probe
// that meets another fingerprint does not load that entry from memory. With many keys
// each such load is a cache miss.
//
// head is written once, before the first entry is stored. A tombstone is never
// replaced by an entry of the same table, so get may read head without a lock.
type slot struct {
	head  uint64
	entry atomic.Pointer[entry]
}

// tombstone takes the place of an entry that was removed. An empty slot would end the
// probe sequences that lead past it.
var tombstone = new(entry)

const minTable = 64

func newCache(most int) *cache {
	table := make([]slot, minTable)
	c := &cache{max: most, byKey: map[string]*entry{}}
	c.table.Store(&table)
	return c
}

// get returns the entry of f, or nil. It takes no lock.
//
// Security: the head, which chooses the slot, is compared first. Then the whole is
// compared in constant time. The time that a miss takes tells nobody how close a guess
// was, because the fingerprints of two secrets are unrelated.
func (c *cache) get(f fingerprint) *entry {
	table := *c.table.Load()
	mask := uint64(len(table) - 1)
	for i := f.head & mask; ; i = (i + 1) & mask {
		e := table[i].entry.Load()
		if e == nil {
			return nil
		}
		if table[i].head == f.head && e != tombstone && e.fingerprint.equal(f) {
			// A store on every hit would move the cache line from core to core.
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e
		}
	}
}

// put adds e. It replaces the entry with the same fingerprint.
func (c *cache) put(e *entry) {
	if i, ok := c.slotOf(e.fingerprint); ok {
		c.removeSlot(i)
	}
	for c.live >= c.max {
		c.evict()
	}
	if c.filled >= len(*c.table.Load())/4*3 {
		c.rebuild()
	}
	insertEntry(*c.table.Load(), e)
	c.live++
	c.filled++
	e.next = c.byKey[e.key.ID]
	c.byKey[e.key.ID] = e
}

// eachFlag calls mark with each flag that tells an entry of a change.
func (c *cache) eachFlag(mark func(*atomic.Bool)) {
	table := *c.table.Load()
	for i := range table {
		if e := table[i].entry.Load(); e != nil && e != tombstone {
			e.eachFlag(mark)
		}
	}
}

// entryOf returns the entry of f, or nil. Unlike get it does not mark the entry as used.
func (c *cache) entryOf(f fingerprint) *entry {
	if i, ok := c.slotOf(f); ok {
		return (*c.table.Load())[i].entry.Load()
	}
	return nil
}

// remove removes the entry of f.
func (c *cache) remove(f fingerprint) {
	if i, ok := c.slotOf(f); ok {
		c.removeSlot(i)
	}
}

// removeKey removes every entry of a key: one for each of its secrets that was used, and
// one for its ID.
func (c *cache) removeKey(keyID string) {
	for e := c.byKey[keyID]; e != nil; e = c.byKey[keyID] {
		i, _ := c.slotOf(e.fingerprint)
		c.removeSlot(i)
	}
}

// expireAll makes every entry due. The entries stay: if the store fails, they can be
// used as in any other outage.
func (c *cache) expireAll() {
	table := *c.table.Load()
	for i := range table {
		if e := table[i].entry.Load(); e != nil && e != tombstone {
			e.until.Store(mustReload)
		}
	}
}

// mustReload is the until of an entry whose key or plan may have changed.
const mustReload = 0

// slotOf returns the index of the slot that has the entry of f, and whether there is one.
func (c *cache) slotOf(f fingerprint) (uint64, bool) {
	table := *c.table.Load()
	mask := uint64(len(table) - 1)
	for i := f.head & mask; ; i = (i + 1) & mask {
		e := table[i].entry.Load()
		if e == nil {
			return 0, false
		}
		if table[i].head == f.head && e != tombstone && e.fingerprint == f {
			return i, true
		}
	}
}

// insertEntry stores e in the first empty slot of its probe sequence. It passes
// tombstones by: get may be reading their head.
func insertEntry(table []slot, e *entry) {
	mask, head := uint64(len(table)-1), e.fingerprint.head
	i := head & mask
	for table[i].entry.Load() != nil {
		i = (i + 1) & mask
	}
	// The order matters: get reads head only after it has seen the entry.
	table[i].head = head
	table[i].entry.Store(e)
}

// removeSlot puts a tombstone in the place of the i-th slot's entry, and unlinks the
// entry from the others of its key.
func (c *cache) removeSlot(i uint64) {
	e := (*c.table.Load())[i].entry.Swap(tombstone)
	c.live--
	link := c.byKey[e.key.ID]
	if link == e {
		if c.byKey[e.key.ID] = e.next; e.next == nil {
			delete(c.byKey, e.key.ID)
		}
		return
	}
	for link.next != e {
		link = link.next
	}
	link.next = e.next
}

// evict removes the next entry that was not used since the hand last passed it. This is
// the CLOCK algorithm: it approximates least recently used, and a hit costs one bit.
func (c *cache) evict() {
	table := *c.table.Load()
	mask := uint64(len(table) - 1)
	for {
		i := c.hand & mask
		c.hand++
		e := table[i].entry.Load()
		if e == nil || e == tombstone {
			continue
		}
		if !e.used.Swap(false) {
			c.removeSlot(i)
			return
		}
	}
}

// rebuild replaces the table by one without tombstones. It is at least twice as long as
// the number of entries, so the next rebuild comes after half as many puts at the
// earliest. A get that runs meanwhile goes on in the old table. It may miss
// an entry that is put now, and then finds it under the resolver's lock.
func (c *cache) rebuild() {
	old := *c.table.Load()
	size := minTable
	for size < 2*(c.live+1) {
		size *= 2
	}
	table := make([]slot, size)
	for i := range old {
		if e := old[i].entry.Load(); e != nil && e != tombstone {
			insertEntry(table, e)
		}
	}
	c.table.Store(&table)
	c.filled = c.live
}
