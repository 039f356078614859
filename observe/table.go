package observe

import (
	"iter"
	"maps"
	"sync"
	"sync/atomic"
)

// A table has a tally for each set of labels, and for at most so many of them.
//
// The map is replaced as a whole when a set is added, which happens seldom. So a count
// needs no lock.
type table[L comparable, T any] struct {
	most     int
	overflow func(L) L // the labels of a set that is too many

	tallies atomic.Pointer[map[L]*T]
	mu      sync.Mutex // held to add a set
}

// tally returns the tally of a set of labels.
func (t *table[L, T]) tally(labels L) *T {
	if known := t.tallies.Load(); known != nil {
		if found := (*known)[labels]; found != nil {
			return found
		}
		if len(*known) >= t.most {
			if found := (*known)[t.overflow(labels)]; found != nil {
				return found
			}
		}
	}
	return t.add(labels)
}

// add adds a set of labels, unless there are too many. Then it returns the tally of all
// that are too many.
func (t *table[L, T]) add(labels L) *T {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := map[L]*T{}
	if old := t.tallies.Load(); old != nil {
		known = *old
	}
	if found := known[labels]; found != nil {
		return found
	}
	if len(known) >= t.most {
		labels = t.overflow(labels)
		if found := known[labels]; found != nil {
			return found
		}
	}
	next := maps.Clone(known)
	made := new(T)
	next[labels] = made
	t.tallies.Store(&next)
	return made
}

// all returns a sequence of all sets of labels with their tallies.
func (t *table[L, T]) all() iter.Seq2[L, *T] {
	if known := t.tallies.Load(); known != nil {
		return maps.All(*known)
	}
	return func(func(L, *T) bool) {}
}
