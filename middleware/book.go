package middleware

import (
	"maps"
	"sync"
	"sync/atomic"
)

// book is a bounded map that is read by every request and seldom written. Its zero value
// is empty.
type book[T any] struct {
	mu      sync.Mutex // of writers
	entries atomic.Pointer[map[string]T]
}

func (b *book[T]) get(key string) (value T, ok bool) {
	if m := b.entries.Load(); m != nil {
		value, ok = (*m)[key]
	}
	return value, ok
}

// full reports whether the book takes no new entries.
func (b *book[T]) full(most int) bool {
	m := b.entries.Load()
	return m != nil && len(*m) >= most
}

// put sets an entry, unless that is a new one and the book is full.
func (b *book[T]) put(key string, value T, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed := map[string]T{}
	if m := b.entries.Load(); m != nil {
		changed = maps.Clone(*m)
	}
	if _, known := changed[key]; known || len(changed) < most {
		changed[key] = value
		b.entries.Store(&changed)
	}
}
