package client

import (
	"container/list"
	"hash/maphash"
	"net/http"
	"sync"
	"time"
)

// maxPartitions bounds the partitions that are kept while no request uses them.
const maxPartitions = 1024

// partitionKey says which requests share limits. The credential is a hash with a random
// seed, so no credential is kept.
type partitionKey struct {
	scheme, host, name string
	credential         uint64
}

// partitions has the partitions that were used latest.
type partitions struct {
	spread time.Duration
	seed   maphash.Seed

	mu    sync.Mutex
	byKey map[partitionKey]*list.Element
	order list.List // of *shared, the latest used in front
}

// shared is a partition and the number of requests that use it.
type shared struct {
	*partition
	key   partitionKey
	users int
}

func newPartitions(spread time.Duration) *partitions {
	return &partitions{spread: spread, seed: maphash.MakeSeed(), byKey: map[partitionKey]*list.Element{}}
}

// acquire returns the partition of a key. The caller gives it back by release.
func (ps *partitions) acquire(key partitionKey) *shared {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	e := ps.byKey[key]
	if e == nil {
		ps.evict()
		e = ps.order.PushFront(&shared{partition: newPartition(ps.spread), key: key})
		ps.byKey[key] = e
	}
	ps.order.MoveToFront(e)
	s := e.Value.(*shared)
	s.users++
	return s
}

func (ps *partitions) release(s *shared) {
	ps.mu.Lock()
	s.users--
	ps.mu.Unlock()
}

// evict makes room for one more partition. Those that requests use stay, so their number
// is bounded by that of the requests.
func (ps *partitions) evict() {
	for e := ps.order.Back(); e != nil && ps.order.Len() >= maxPartitions; {
		older := e
		e = e.Prev()
		if s := older.Value.(*shared); s.users == 0 {
			ps.order.Remove(older)
			delete(ps.byKey, s.key)
		}
	}
}

// hash returns a hash of the credentials in h.
func (ps *partitions) hash(h http.Header, names ...string) uint64 {
	var sum maphash.Hash
	sum.SetSeed(ps.seed)
	for _, name := range names {
		for _, value := range h.Values(name) {
			_, _ = sum.WriteString(name)
			_ = sum.WriteByte(0)
			_, _ = sum.WriteString(value)
			_ = sum.WriteByte(0)
		}
	}
	return sum.Sum64()
}
