package memory

import (
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

const (
	smallest = 8 // places of an index, accounts of the first slab

	// A slab of so many accounts begins with a cache line, as its every second account then
	// does, and what a throttle needs of an account is one line long. Few slabs stay in the
	// processor's cache, and finding an account waits for nothing else.
	slabBits = 9
	slabSize = 1 << slabBits
)

// shard is a share of the subjects under one mutex. What every decision reads is on as
// few cache lines as can be, and the mutex alone on its own: who waits for it would else
// take the line away from who has it.
type shard struct {
	mu sync.Mutex
	_  [56]byte

	index []entry     // open addressing, linear probing, a power of two long, never full
	slabs [][]account // of slabSize, but for the first, which grows to it: none other ever moves
	count int         // accounts
	store *Store

	next [store.MaxMeters]state // scratch: the states that a charge leads to

	nobody account  // without a subject: what is read of one that has no account
	slots  uint32   // of the slabs that were ever used
	free   []uint32 // of those, the ones that are free
	hand   uint32   // where the next sweep begins
	due    [kinds]int64
	_      [40]byte // to a whole number of lines, which a test holds
}

// entry of the index: eight bits of the hash, then the slot plus one. Zero is empty. It
// is small, for the index is what a decision on a cold subject waits for first; the whole
// hash is in the account.
type entry uint32

const (
	tagShift = 24
	maxSlots = 1<<tagShift - 1
)

func newEntry(hash, slot uint32) entry { return entry(hash>>tagShift<<tagShift | (slot + 1)) }

func (e entry) is(hash uint32) bool { return uint32(e)>>tagShift == hash>>tagShift }
func (e entry) slot() uint32        { return uint32(e)&maxSlots - 1 }

func (sh *shard) at(slot uint32) *account { return &sh.slabs[slot>>slabBits][slot%slabSize] }

// find is the account of a subject, or nil.
func (sh *shard) find(hash uint64, subject string) *account {
	if slot, ok := sh.look(hash, subject); ok {
		return sh.at(slot)
	}
	return nil
}

// look is the slot of a subject's account, if it has one.
func (sh *shard) look(hash uint64, subject string) (slot uint32, ok bool) {
	mask := uint32(len(sh.index) - 1)
	for i := uint32(hash) & mask; sh.index[i] != 0; i = (i + 1) & mask {
		if e := sh.index[i]; e.is(uint32(hash)) && sh.at(e.slot()).is(subject) {
			return e.slot(), true
		}
	}
	return 0, false
}

// insert makes the account of a subject that has none, unless the Store is full.
func (sh *shard) insert(hash uint64, subject string, at time.Time, now int64) (slot uint32, ok bool) {
	if sh.count >= len(sh.index)/4*3 {
		sh.makeSpace(at, now)
	}
	if sh.store.subjects.Add(1) > sh.store.max || sh.count >= maxSlots {
		sh.store.subjects.Add(-1)
		return 0, false
	}
	slot = sh.slot()
	a := sh.at(slot)
	a.call(subject)
	a.name.hash = uint32(hash)
	sh.put(newEntry(a.name.hash, slot), a.name.hash)
	sh.count++
	a.layout = sh.nobody.layout
	return slot, true
}

// makeSpace forgets what is spent, and only then, if that was not much, lets the index
// grow: a shard stays in proportion to what is live, and subjects that come again and
// again are not forgotten in between.
func (sh *shard) makeSpace(at time.Time, now int64) {
	at, now = sh.store.earlier(at, now)
	sh.sweep(spent, at, now, len(sh.index))
	if len(sh.index) < smallest || sh.count >= len(sh.index)/2 {
		sh.grow()
	}
}

func (sh *shard) slot() uint32 {
	if n := len(sh.free); n > 0 {
		slot := sh.free[n-1]
		sh.free = sh.free[:n-1]
		return slot
	}
	switch n := int(sh.slots); {
	case n == 0:
		sh.slabs = append(sh.slabs, make([]account, smallest))
	case n%slabSize == 0:
		sh.slabs = append(sh.slabs, make([]account, slabSize))
	case n == len(sh.slabs[0]):
		sh.slabs[0] = append(make([]account, 0, 2*n), sh.slabs[0]...)[:2*n]
	}
	sh.slots++
	return sh.slots - 1
}

func (sh *shard) put(e entry, hash uint32) {
	mask := uint32(len(sh.index) - 1)
	i := hash & mask
	for sh.index[i] != 0 {
		i = (i + 1) & mask
	}
	sh.index[i] = e
}

func (sh *shard) grow() {
	old := sh.index
	sh.index = make([]entry, max(smallest, 2*len(old)))
	for _, e := range old {
		if e != 0 {
			sh.put(e, sh.at(e.slot()).name.hash)
		}
	}
}

// remove forgets the account in the i-th place of the index, and moves up those behind it
// that probing would no longer reach.
func (sh *shard) remove(i uint32) {
	slot := sh.index[i].slot()
	*sh.at(slot) = account{}
	sh.free = append(sh.free, slot)
	sh.count--
	mask := uint32(len(sh.index) - 1)
	for j := (i + 1) & mask; sh.index[j] != 0; j = (j + 1) & mask {
		if home := sh.at(sh.index[j].slot()).name.hash & mask; (j-home)&mask >= (j-i)&mask {
			sh.index[i] = sh.index[j]
			i = j
		}
	}
	sh.index[i] = 0
}
