package middleware

import (
	"maps"
	"sync"
	"sync/atomic"
)

// A readMap is a bounded map that every request reads and that is seldom written. Readers
// take no lock: a writer replaces the whole map by a changed copy. The zero value is
// empty.
type readMap[T any] struct {
	mu      sync.Mutex // held by writers
	entries atomic.Pointer[map[string]T]
}

func (r *readMap[T]) get(key string) (value T, ok bool) {
	if m := r.entries.Load(); m != nil {
		value, ok = (*m)[key]
	}
	return value, ok
}

// all returns the whole map, which must not be changed.
func (r *readMap[T]) all() map[string]T {
	if m := r.entries.Load(); m != nil {
		return *m
	}
	return nil
}

// full reports whether the map has no room for a new key.
func (r *readMap[T]) full(most int) bool {
	m := r.entries.Load()
	return m != nil && len(*m) >= most
}

// put stores a value. It does nothing if the key is new and the map is full.
func (r *readMap[T]) put(key string, value T, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := map[string]T{}
	if m := r.entries.Load(); m != nil {
		changed = maps.Clone(*m)
	}
	if _, known := changed[key]; known || len(changed) < most {
		changed[key] = value
		r.entries.Store(&changed)
	}
}
