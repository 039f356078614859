package series

import (
	"maps"
	"sync"
	"sync/atomic"
)

// A table finds a value by its key. Reading takes no lock. A new value copies the map, so
// a table is for keys that come seldom. The zero table is empty.
type table[K comparable, V any] struct {
	known atomic.Pointer[map[K]*V]
	mu    sync.Mutex // of writers
}

// find returns the value of k, or nil.
func (t *table[K, V]) find(k K) *V {
	if m := t.known.Load(); m != nil {
		return (*m)[k]
	}
	return nil
}

// add returns the value of k. If there is none, add puts v in, as long as room allows it.
// Otherwise it returns nil.
func (t *table[K, V]) add(k K, v *V, room func() bool) *V {
	t.mu.Lock()
	defer t.mu.Unlock()
	if found := t.find(k); found != nil {
		return found
	}
	if !room() {
		return nil
	}
	m := map[K]*V{}
	if old := t.known.Load(); old != nil {
		m = maps.Clone(*old)
	}
	m[k] = v
	t.known.Store(&m)
	return v
}

// all returns the values. The map must not be changed.
func (t *table[K, V]) all() map[K]*V {
	if m := t.known.Load(); m != nil {
		return *m
	}
	return nil
}
