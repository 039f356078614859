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
	last     uint64 // the last number that was given to a key
	list     list[apikey.Key]
	byID     map[string]*item[apikey.Key]
	byDigest map[apikey.Digest]*item[apikey.Key] // by Digest and by Retiring
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
	return s.keyChanged(k.ID, err)
}

// Key implements apikey.Store.
func (s *Store) Key(ctx context.Context, id string) (apikey.Key, error) {
	if err := ctx.Err(); err != nil {
		return apikey.Key{}, err
	}
	s.keys.mu.RLock()
	defer s.keys.mu.RUnlock()
	return cloneKey(s.keys.byID[id])
}

// KeyByDigest implements apikey.Store.
func (s *Store) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if err := ctx.Err(); err != nil {
		return apikey.Key{}, err
	}
	s.keys.mu.RLock()
	defer s.keys.mu.RUnlock()
	return cloneKey(s.keys.byDigest[d])
}

// cloneKey returns a clone of the key of an item. If the item is nil, the error is
// ErrNotFound.
func cloneKey(it *item[apikey.Key]) (apikey.Key, error) {
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
	return s.keyChanged(k.ID, s.keys.update(k))
}

// DeleteKey implements apikey.Store.
func (s *Store) DeleteKey(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.keyChanged(id, s.keys.delete(id))
}

// keyChanged notifies the listeners, or wraps the error if the change failed. No lock is
// held, because listeners may read the Store.
func (s *Store) keyChanged(id string, err error) error {
	if err != nil {
		return fmt.Errorf("store/memory: key: %w", err)
	}
	s.listeners.Tell(id)
	return nil
}

// Keys implements apikey.Store. A page looks at 1,000 keys at most. With a narrow filter
// it may hold fewer than limit, or none, and still have a next cursor.
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

// insert adds a key under a number, and counts that number and all below it as given. The
// lock is held. Load calls it with the numbers of the file, so that old cursors stay
// valid.
func (ks *keys) insert(number uint64, k apikey.Key) error {
	if ks.byID[k.ID] != nil || !ks.digestsFree(&k, nil) {
		return apikey.ErrExists
	}
	if ks.byID == nil {
		ks.byID = map[string]*item[apikey.Key]{}
		ks.byDigest = map[apikey.Digest]*item[apikey.Key]{}
	}
	ks.last = max(ks.last, number)
	it := ks.list.add(number, k.Clone())
	ks.byID[k.ID] = it
	ks.indexDigests(it)
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
	case !ks.digestsFree(&k, it):
		return apikey.ErrExists
	}
	ks.unindexDigests(it)
	k.Version++
	it.record = k.Clone()
	ks.indexDigests(it)
	return nil
}

func (ks *keys) delete(id string) error {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	it := ks.byID[id]
	if it == nil {
		return apikey.ErrNotFound
	}
	ks.unindexDigests(it)
	delete(ks.byID, id)
	ks.list.remove(it)
	return nil
}

// digestsFree reports whether no key other than own has a digest of k. A digest that is
// being retired still finds its key, so it is taken as well.
func (ks *keys) digestsFree(k *apikey.Key, own *item[apikey.Key]) bool {
	for _, d := range [...]apikey.Digest{k.Digest, k.Retiring} {
		if it := ks.byDigest[d]; it != nil && it != own {
			return false
		}
	}
	return true
}

func (ks *keys) indexDigests(it *item[apikey.Key]) {
	for _, d := range [...]apikey.Digest{it.record.Digest, it.record.Retiring} {
		if d != noDigest {
			ks.byDigest[d] = it
		}
	}
}

func (ks *keys) unindexDigests(it *item[apikey.Key]) {
	delete(ks.byDigest, it.record.Digest)
	delete(ks.byDigest, it.record.Retiring)
}
