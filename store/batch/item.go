package batch

import "slices"

// An Item is a request in a batch, with its answer.
type Item[R, A any] struct {
	// These are in one cache line. The queue touches no other while it holds its mu.
	done   chan struct{} // has room for one
	worker *worker[R, A] // nil while the item waits; guarded by the queue's mu
	weight int
	gone   bool // the caller gave up while it waited; guarded by the queue's mu

	Request R

	// Answer and Err are what Do returns. The function that carries out the batch fills them
	// in.
	Answer A
	Err    error
}

// A line has the items that wait, in the order in which they came.
//
// An item whose caller gave up stays until a batch comes across it, or until such items
// are the majority. So giving up costs the same however many wait: when a database falls
// silent, all of them give up.
type line[R, A any] struct {
	items []*Item[R, A]
	gone  int // of items
}

// length returns how many callers wait.
func (l *line[R, A]) length() int { return len(l.items) - l.gone }

func (l *line[R, A]) push(item *Item[R, A]) { l.items = append(l.items, item) }

// giveUp notes that the caller of item no longer waits.
func (l *line[R, A]) giveUp(item *Item[R, A]) {
	item.gone = true
	l.gone++
	if l.gone > len(l.items)/2 {
		l.items = slices.DeleteFunc(l.items, func(item *Item[R, A]) bool { return item.gone })
		l.gone = 0
	}
}

// next moves the items that have waited longest to batch, which is empty. They are at
// most size, and weigh at most as much as given, or are one.
func (l *line[R, A]) next(batch []*Item[R, A], size, weight int) []*Item[R, A] {
	n := 0
	for _, item := range l.items {
		if len(batch) == size || len(batch) > 0 && item.weight > weight && !item.gone {
			break
		}
		n++
		if item.gone {
			l.gone--
			continue
		}
		weight -= item.weight
		batch = append(batch, item)
	}
	l.items = slices.Delete(l.items, 0, n)
	return batch
}
