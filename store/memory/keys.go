package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/ration-go/ration/apikey"
)

// keys is the directory of keys.
type keys struct {
	mu       sync.RWMutex
	last     uint64 // number given
	list     list[apikey.Key]
	byID     map[string]*item[apikey.Key]
	byDigest map[apikey.Digest]*item[apikey.Key]
}

var noDigest apikey.Digest

// InsertKey implements apikey.Store.
func (s *Store) InsertKey(ctx context.Context, k apikey.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.keys.mu.Lock()
	err := s.keys.insert(s.keys.last+1, k)
	s.keys.mu.Unlock()
	return s.keyChange(k.ID, err)
}

// Key implements apikey.Store.
func (s *Store) Key(ctx context.Context, id string) (apikey.Key, error) {
	if err := ctx.Err(); err != nil {
		return apikey.Key{}, err
	}
	s.keys.mu.RLock()
	defer s.keys.mu.RUnlock()
	return found(s.keys.byID[id])
}

// KeyByDigest implements apikey.Store.
func (s *Store) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if err := ctx.Err(); err != nil {
		return apikey.Key{}, err
	}
	s.keys.mu.RLock()
	defer s.keys.mu.RUnlock()
	return found(s.keys.byDigest[d])
}

func found(it *item[apikey.Key]) (apikey.Key, error) {
	if it == nil {
		return apikey.Key{}, apikey.ErrNotFound
	}
	return it.record.Clone(), nil
}

// UpdateKey implements apikey.Store.
func (s *Store) UpdateKey(ctx context.Context, k apikey.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.keyChange(k.ID, s.keys.update(k))
}

// DeleteKey implements apikey.Store.
func (s *Store) DeleteKey(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.keyChange(id, s.keys.delete(id))
}

// keyChange tells of a change, if it was one.
func (s *Store) keyChange(id string, err error) error {
	if err != nil {
		return fmt.Errorf("store/memory: key: %w", err)
	}
	s.listeners.Tell(id)
	return nil
}

// Keys implements apikey.Store. A page looks at a thousand keys at most.
func (s *Store) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	s.keys.mu.RLock()
	defer s.keys.mu.RUnlock()
	page, next, err := s.keys.list.page(s.keys.last, cursor, limit, f.Passes)
	if err != nil {
		return nil, "", fmt.Errorf("store/memory: keys: %w: %w", apikey.ErrInvalid, err)
	}
	for i := range page {
		page[i] = page[i].Clone()
	}
	return page, next, nil
}

// insert adds a key under a number, of which those up to it are given then. The lock is
// held.
func (ks *keys) insert(number uint64, k apikey.Key) error {
	if ks.byID[k.ID] != nil || !ks.free(&k, nil) {
		return apikey.ErrExists
	}
	if ks.byID == nil {
		ks.byID, ks.byDigest = map[string]*item[apikey.Key]{}, map[apikey.Digest]*item[apikey.Key]{}
	}
	ks.last = max(ks.last, number)
	it := ks.list.add(number, k.Clone())
	ks.byID[k.ID] = it
	ks.index(it)
	return nil
}

func (ks *keys) update(k apikey.Key) error {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	it := ks.byID[k.ID]
	switch {
	case it == nil:
		return apikey.ErrNotFound
	case it.record.Version != k.Version:
		return apikey.ErrConflict
	case !ks.free(&k, it):
		return apikey.ErrExists
	}
	ks.unindex(it)
	k.Version++
	it.record = k.Clone()
	ks.index(it)
	return nil
}

func (ks *keys) delete(id string) error {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	it := ks.byID[id]
	if it == nil {
		return apikey.ErrNotFound
	}
	ks.unindex(it)
	delete(ks.byID, id)
	ks.list.remove(it)
	return nil
}

// free says whether no key but own has a digest of k.
func (ks *keys) free(k *apikey.Key, own *item[apikey.Key]) bool {
	for _, d := range [...]apikey.Digest{k.Digest, k.Retiring} {
		if it := ks.byDigest[d]; it != nil && it != own {
			return false
		}
	}
	return true
}

func (ks *keys) index(it *item[apikey.Key]) {
	for _, d := range [...]apikey.Digest{it.record.Digest, it.record.Retiring} {
		if d != noDigest {
			ks.byDigest[d] = it
		}
	}
}

func (ks *keys) unindex(it *item[apikey.Key]) {
	delete(ks.byDigest, it.record.Digest)
	delete(ks.byDigest, it.record.Retiring)
}
