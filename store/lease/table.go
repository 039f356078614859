package lease

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// table finds the accounts of hot subjects. A look-up takes no lock. A hash chooses a
// group of slots, which is like a cache with several ways: a subject whose group is full
// gets no account, and so no lease.
type table struct {
	seed  maphash.Seed
	slots []atomic.Pointer[account] // groups of ways, a power of two of them

	mu   sync.Mutex // for changes
	live int
	most int
	made uint64 // how many accounts were ever made
}

const ways = 8

func newTable(most int) *table {
	size := ways
	for size < 2*most {
		size *= 2
	}
	return &table{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[account], size), most: most}
}

func (t *table) hash(subject string) uint64 { return maphash.String(t.seed, subject) }

// group returns the slots in which an account of that hash may be.
func (t *table) group(hash uint64) []atomic.Pointer[account] {
	first := hash % uint64(len(t.slots)) &^ (ways - 1)
	return t.slots[first : first+ways : first+ways]
}

// find returns the account of a subject, or nil.
func (t *table) find(hash uint64, subject string) *account {
	group := t.group(hash)
	for i := range group {
		if a := group[i].Load(); a != nil && a.hash == hash && a.subject == subject {
			return a
		}
	}
	return nil
}

// add returns the account of a subject, which it makes if there is room. It returns nil
// if there is none.
func (t *table) add(hash uint64, subject string, now int64) *account {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.find(hash, subject); a != nil {
		return a
	}
	if t.live >= t.most {
		return nil
	}
	group := t.group(hash)
	for i := range group {
		if group[i].Load() == nil {
			t.live++
			t.made++
			a := newAccount(t.made, hash, strings.Clone(subject), now)
			group[i].Store(a)
			return a
		}
	}
	return nil
}

// remove removes an account.
func (t *table) remove(a *account) {
	t.mu.Lock()
	defer t.mu.Unlock()
	group := t.group(a.hash)
	for i := range group {
		if group[i].CompareAndSwap(a, nil) {
			t.live--
		}
	}
}

// all returns every account.
func (t *table) all() (list []*account) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list = make([]*account, 0, t.live)
	for i := range t.slots {
		if a := t.slots[i].Load(); a != nil {
			list = append(list, a)
		}
	}
	return list
}

// any reports whether there is an account.
func (t *table) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live > 0
}
