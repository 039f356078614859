package gate

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/ration-go/ration/apikey"
)

// cache holds entries by the digest of their secret, or of their key ID. It is a hash
// table with open addressing and linear probing over atomic pointers.
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
// prefix is the start of the entry's digest. It lies beside the pointer, so that a
// probe that meets another digest does not load that entry from memory. With many keys
// each such load is a cache miss.
//
// prefix is written once, before the first entry is stored. A tombstone is never
// replaced by an entry of the same table, so get may read prefix without a lock.
type slot struct {
	prefix uint64
	entry  atomic.Pointer[entry]
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

// prefixOf returns the first 8 bytes of a digest. They are the hash of the table too,
// since the bytes of a SHA-256 digest are as good as random.
func prefixOf(d *apikey.Digest) uint64 { return binary.LittleEndian.Uint64(d[:8]) }

// get returns the entry of d, or nil. It takes no lock.
//
// Digest.Equal compares in constant time. The prefix, which chooses the slot, is compared
// first.
func (c *cache) get(d *apikey.Digest) *entry {
	table, prefix := *c.table.Load(), prefixOf(d)
	mask := uint64(len(table) - 1)
	for i := prefix & mask; ; i = (i + 1) & mask {
		e := table[i].entry.Load()
		if e == nil {
			return nil
		}
		if table[i].prefix == prefix && e != tombstone && e.digest.Equal(d) {
			// A store on every hit would move the cache line from core to core.
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e
		}
	}
}

// put adds e. It replaces the entry with the same digest.
func (c *cache) put(e *entry) {
	if i, ok := c.slotOf(&e.digest); ok {
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

// entryOf returns the entry of d, or nil. Unlike get it does not mark the entry as used.
func (c *cache) entryOf(d *apikey.Digest) *entry {
	if i, ok := c.slotOf(d); ok {
		return (*c.table.Load())[i].entry.Load()
	}
	return nil
}

// removeDigest removes the entry of d.
func (c *cache) removeDigest(d *apikey.Digest) {
	if i, ok := c.slotOf(d); ok {
		c.removeSlot(i)
	}
}

// removeKey removes every entry of a key: one for each of its secrets that was used, and
// one for its ID.
func (c *cache) removeKey(keyID string) {
	for e := c.byKey[keyID]; e != nil; e = c.byKey[keyID] {
		i, _ := c.slotOf(&e.digest)
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

// slotOf returns the index of the slot that has the entry of d, and whether there is one.
func (c *cache) slotOf(d *apikey.Digest) (uint64, bool) {
	table, prefix := *c.table.Load(), prefixOf(d)
	mask := uint64(len(table) - 1)
	for i := prefix & mask; ; i = (i + 1) & mask {
		e := table[i].entry.Load()
		if e == nil {
			return 0, false
		}
		if table[i].prefix == prefix && e != tombstone && e.digest == *d {
			return i, true
		}
	}
}

// insertEntry stores e in the first empty slot of its probe sequence. It passes
// tombstones by: get may be reading their prefix.
func insertEntry(table []slot, e *entry) {
	mask, prefix := uint64(len(table)-1), prefixOf(&e.digest)
	i := prefix & mask
	for table[i].entry.Load() != nil {
		i = (i + 1) & mask
	}
	// The order matters: get reads prefix only after it has seen the entry.
	table[i].prefix = prefix
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
