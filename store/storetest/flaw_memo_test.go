package storetest

import (
	"maps"
	"slices"
	"sync"
)

// memo is what a flawed directory remembers. It is safe for concurrent use.
type memo[K comparable, V any] struct {
	mu  sync.Mutex
	all map[K]V
}

func newMemo[K comparable, V any]() *memo[K, V] { return &memo[K, V]{all: map[K]V{}} }

func (m *memo[K, V]) has(key K) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.all[key]
	return ok
}

func (m *memo[K, V]) of(key K) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[key]
}

func (m *memo[K, V]) set(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[key] = value
}

func (m *memo[K, V]) drop(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, key)
}

// dropIf drops the values that are to go.
func (m *memo[K, V]) dropIf(gone func(V) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.all, func(_ K, value V) bool { return gone(value) })
}

func (m *memo[K, V]) names() []K {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.all))
}
