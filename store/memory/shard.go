package memory

import (
	"sync"
	"time"
)

const (
	minIndex = 8 // entries of the smallest index, and accounts of the first slab at first

	// A slab of 512 accounts of 96 bytes is a whole number of cache lines, and the allocator
	// begins it at one. So every second account begins with a cache line, and what a
	// throttle needs of an account is one line long. Large slabs are few: the slice of slabs
	// stays in the processor's cache, and only the account itself has to come from memory.
	slabBits = 9
	slabSize = 1 << slabBits
)

// A shard is a share of the subjects under one mutex.
//
// Its fields are ordered by cache lines (TestCacheLines). The mutex has a line of its
// own: a goroutine that waits for the mutex would otherwise take the line away from the
// one that holds it. What every decision reads follows on the next line.
type shard struct {
	mu sync.Mutex
	_  [56]byte

	index []entry     // open addressing, linear probing; a power of two long and never full
	slabs [][]account // the first grows to slabSize and then stays; no other ever moves
	count int         // accounts
	store *Store

	unknown  account      // empty; it is read in place of the account of an unknown subject
	slots    uint32       // slots of the slabs that were ever used
	free     []uint32     // those of them that are free
	hand     uint32       // where the next sweep begins in the index
	due      [kinds]int64 // no account is of that kind before; zero at first
	closed   *closedSet   // subjects that were moved; nil for most shards
	compared uint64       // lists that learn has compared with a layout
	undo     *undo        // scratch of the fast path; nil until it is first needed
	_        [16]byte     // fills the last cache line, so that shards share none
}

// An entry of the index is eight bits of the hash, its tag, then the slot plus one. Zero
// is an empty entry. It takes four bytes only, because the index is the first memory that
// a decision on a cold subject waits for. The account has more of the hash.
type entry uint32

const (
	tagShift = 24
	maxSlots = 1<<tagShift - 1
)

func newEntry(hash, slot uint32) entry { return entry(hash>>tagShift<<tagShift | (slot + 1)) }

// hasTag reports whether the entry can be that of a subject with this hash. A wrong match
// costs a look at an account, and happens once in 256 times.
func (e entry) hasTag(hash uint32) bool { return uint32(e)>>tagShift == hash>>tagShift }
func (e entry) slot() uint32            { return uint32(e)&maxSlots - 1 }

func (sh *shard) account(slot uint32) *account { return &sh.slabs[slot>>slabBits][slot%slabSize] }

// find returns the account of a subject, or nil.
func (sh *shard) find(hash uint64, subject string) *account {
	if slot, ok := sh.findSlot(hash, subject); ok {
		return sh.account(slot)
	}
	return nil
}

// findSlot returns the slot of a subject's account, if it has one.
func (sh *shard) findSlot(hash uint64, subject string) (slot uint32, ok bool) {
	i, ok := sh.findEntry(hash, subject)
	return sh.index[i].slot(), ok
}

// findEntry returns the index of a subject's entry, if it has one.
func (sh *shard) findEntry(hash uint64, subject string) (i uint32, ok bool) {
	mask := uint32(len(sh.index) - 1)
	for i = uint32(hash) & mask; sh.index[i] != 0; i = (i + 1) & mask {
		if e := sh.index[i]; e.hasTag(uint32(hash)) && sh.account(e.slot()).belongsTo(subject) {
			return i, true
		}
	}
	return i, false
}

// insert makes the account of a subject that has none. makeSpace was called before, and
// the subject is counted already.
func (sh *shard) insert(hash uint64, subject string) (slot uint32) {
	slot = sh.allocSlot()
	a := sh.account(slot)
	a.setSubject(subject)
	a.name.hash = uint32(hash)
	a.layout = sh.unknown.layout
	sh.insertEntry(newEntry(a.name.hash, slot), a.name.hash)
	sh.count++
	return slot
}

// makeSpace makes space in the index for n more accounts. It evicts every spent account
// first, and grows the index only if half of it is still in use. So a shard stays in
// proportion to its live subjects, and it does not grow and shrink for subjects that come
// again and again. It reports false if the shard can have no more accounts.
func (sh *shard) makeSpace(n int, at time.Time, now int64) bool {
	for swept := false; sh.count+n > len(sh.index)/4*3; swept = true { // fuller, linear probing gets slow
		if !swept {
			at, now = sh.store.evictionClock(at, now)
			sh.sweep(spent, at, now, len(sh.index))
		}
		if swept || len(sh.index) < minIndex || sh.count >= len(sh.index)/2 {
			sh.growIndex()
		}
	}
	return sh.count+n <= maxSlots
}

// countSubjects counts n more subjects, if the Store has room for them. The count never
// exceeds the bound, not even for a moment: a concurrent charge that needs less room than
// this one would be refused, though there is room.
func (s *Store) countSubjects(n int) bool {
	for {
		old := s.subjects.Load()
		if old+int64(n) > s.max {
			return false
		}
		if s.subjects.CompareAndSwap(old, old+int64(n)) {
			return true
		}
	}
}

// allocSlot returns a free slot. Accounts never move once the first slab has its full
// size: only the first is copied while it grows, so that an almost empty shard does not
// take a whole slab.
func (sh *shard) allocSlot() uint32 {
	if n := len(sh.free); n > 0 {
		slot := sh.free[n-1]
		sh.free = sh.free[:n-1]
		return slot
	}
	switch n := int(sh.slots); {
	case n == 0:
		sh.slabs = append(sh.slabs, make([]account, minIndex))
	case n%slabSize == 0:
		sh.slabs = append(sh.slabs, make([]account, slabSize))
	case n == len(sh.slabs[0]):
		sh.slabs[0] = append(make([]account, 0, 2*n), sh.slabs[0]...)[:2*n]
	}
	sh.slots++
	return sh.slots - 1
}

// insertEntry puts an entry into the first empty place from where its hash points.
func (sh *shard) insertEntry(e entry, hash uint32) {
	mask := uint32(len(sh.index) - 1)
	i := hash & mask
	for sh.index[i] != 0 {
		i = (i + 1) & mask
	}
	sh.index[i] = e
}

func (sh *shard) growIndex() {
	old := sh.index
	sh.index = make([]entry, max(minIndex, 2*len(old)))
	for _, e := range old {
		if e != 0 {
			sh.insertEntry(e, sh.account(e.slot()).name.hash)
		}
	}
}

// remove frees the account of the entry at i, and closes the gap in the index. A search
// ends at the first empty place, so a gap would hide the entries behind it. There are no
// tombstones that would slow down later searches.
func (sh *shard) remove(i uint32) {
	slot := sh.index[i].slot()
	*sh.account(slot) = account{name: name{length: noSubject}}
	sh.free = append(sh.free, slot)
	sh.count--

	mask := uint32(len(sh.index) - 1)
	for j := (i + 1) & mask; sh.index[j] != 0; j = (j + 1) & mask {
		// home is where the search for the entry at j begins. The entry may move back to the
		// gap at i only if home is not between them: the search would begin behind i.
		home := sh.account(sh.index[j].slot()).name.hash & mask
		if (j-home)&mask >= (j-i)&mask {
			sh.index[i] = sh.index[j]
			i = j // the gap is here now
		}
	}
	sh.index[i] = 0
}
