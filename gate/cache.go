package gate

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/ration-go/ration/apikey"
)

// cache is the resolved keys by the digest of their secret: open addressing over atomic
// pointers. A look-up, which is part of every decision, takes no lock; all else happens
// under the resolver's. It holds at most max entries and makes room by forgetting one
// that has not been asked for since the sweep came by.
type cache struct {
	table atomic.Pointer[[]slot] // a power of two long, at most three quarters of it filled
	ids   map[string]*entry      // the entries of each key, linked

	max    int
	live   int // entries
	filled int // entries and graves
	hand   uint64
}

// slot of the table. What its entry's digest begins with is beside it, so that probing
// does not wait for the entries of others. It is written once, before the first entry,
// and no other entry follows in the same table.
type slot struct {
	start uint64
	entry atomic.Pointer[entry]
}

// grave stands where an entry was, so that probing goes on past it.
var grave = new(entry)

const smallest = 64

func newCache(most int) *cache {
	table := make([]slot, smallest)
	c := &cache{max: most, ids: map[string]*entry{}}
	c.table.Store(&table)
	return c
}

// start is what a digest begins with, and says where probing does. A digest is as good as
// random.
func start(d *apikey.Digest) uint64 { return binary.LittleEndian.Uint64(d[:8]) }

// get is the entry of d, or nil. The digests are compared in constant time.
func (c *cache) get(d *apikey.Digest) *entry {
	table, start := *c.table.Load(), start(d)
	mask := uint64(len(table) - 1)
	for i := start & mask; ; i = (i + 1) & mask {
		e := table[i].entry.Load()
		if e == nil {
			return nil
		}
		if table[i].start == start && e != grave && e.digest.Equal(d) {
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e
		}
	}
}

// put keeps e in place of what has its digest.
func (c *cache) put(e *entry) {
	if i, ok := c.find(&e.digest); ok {
		c.bury(i)
	}
	for c.live >= c.max {
		c.evict()
	}
	if c.filled >= len(*c.table.Load())/4*3 {
		c.rebuild()
	}
	insert(*c.table.Load(), e)
	c.live++
	c.filled++
	e.next = c.ids[e.key.ID]
	c.ids[e.key.ID] = e
}

// known is the entry of d, or nil. The caller holds the resolver's lock.
func (c *cache) known(d *apikey.Digest) *entry {
	if i, ok := c.find(d); ok {
		return (*c.table.Load())[i].entry.Load()
	}
	return nil
}

// forget drops the entry of d.
func (c *cache) forget(d *apikey.Digest) {
	if i, ok := c.find(d); ok {
		c.bury(i)
	}
}

// doubt has every entry read again before it is used.
func (c *cache) doubt() {
	table := *c.table.Load()
	for i := range table {
		if e := table[i].entry.Load(); e != nil && e != grave {
			e.until.Store(doubted)
		}
	}
}

// doubted is the until of an entry that anything may have happened to.
const doubted = 0

// drop forgets every entry of a key.
func (c *cache) drop(keyID string) {
	for e := c.ids[keyID]; e != nil; e = c.ids[keyID] {
		i, _ := c.find(&e.digest)
		c.bury(i)
	}
}

func (c *cache) find(d *apikey.Digest) (uint64, bool) {
	table, start := *c.table.Load(), start(d)
	mask := uint64(len(table) - 1)
	for i := start & mask; ; i = (i + 1) & mask {
		e := table[i].entry.Load()
		if e == nil {
			return 0, false
		}
		if table[i].start == start && e != grave && e.digest == *d {
			return i, true
		}
	}
}

func insert(table []slot, e *entry) {
	mask, start := uint64(len(table)-1), start(&e.digest)
	i := start & mask
	for table[i].entry.Load() != nil {
		i = (i + 1) & mask
	}
	table[i].start = start
	table[i].entry.Store(e)
}

// bury forgets the entry in the i-th slot.
func (c *cache) bury(i uint64) {
	e := (*c.table.Load())[i].entry.Swap(grave)
	c.live--
	link := c.ids[e.key.ID]
	if link == e {
		if c.ids[e.key.ID] = e.next; e.next == nil {
			delete(c.ids, e.key.ID)
		}
		return
	}
	for link.next != e {
		link = link.next
	}
	link.next = e.next
}

// evict forgets the next entry that was not asked for since the last sweep.
func (c *cache) evict() {
	table := *c.table.Load()
	mask := uint64(len(table) - 1)
	for {
		i := c.hand & mask
		c.hand++
		e := table[i].entry.Load()
		if e == nil || e == grave {
			continue
		}
		if !e.used.Swap(false) {
			c.bury(i)
			return
		}
	}
}

// rebuild makes a table without graves, with room for as many entries again.
func (c *cache) rebuild() {
	old := *c.table.Load()
	size := smallest
	for size < 2*(c.live+1) {
		size *= 2
	}
	table := make([]slot, size)
	for i := range old {
		if e := old[i].entry.Load(); e != nil && e != grave {
			insert(table, e)
		}
	}
	c.table.Store(&table)
	c.filled = c.live
}
