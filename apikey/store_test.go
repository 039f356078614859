package apikey_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ration-go/ration/apikey"
)

// mapStore is a Store in a map, for the tests of the Service.
type mapStore struct {
	mu   sync.Mutex
	keys map[string]apikey.Key

	// onUpdate, if set, is called at the start of each UpdateKey, outside the lock. If it
	// returns an error, UpdateKey returns that.
	onUpdate func(k apikey.Key) error
}

func newMapStore() *mapStore { return &mapStore{keys: map[string]apikey.Key{}} }

func (s *mapStore) InsertKey(_ context.Context, k apikey.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.keys[k.ID]; taken || s.digestsTaken(k) {
		return apikey.ErrExists
	}
	s.keys[k.ID] = k
	return nil
}

func (s *mapStore) UpdateKey(_ context.Context, k apikey.Key) error {
	if s.onUpdate != nil {
		if err := s.onUpdate(k); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch old, ok := s.keys[k.ID]; {
	case !ok:
		return apikey.ErrNotFound
	case old.Version != k.Version:
		return apikey.ErrConflict
	case s.digestsTaken(k):
		return apikey.ErrExists
	}
	k.Version++
	s.keys[k.ID] = k
	return nil
}

func (s *mapStore) Key(_ context.Context, id string) (apikey.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.keys[id]; ok {
		return k, nil
	}
	return apikey.Key{}, apikey.ErrNotFound
}

func (s *mapStore) KeyByDigest(_ context.Context, d apikey.Digest) (apikey.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.byDigest(d); ok {
		return k, nil
	}
	return apikey.Key{}, apikey.ErrNotFound
}

func (s *mapStore) DeleteKey(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.keys[id]; !ok {
		return apikey.ErrNotFound
	}
	delete(s.keys, id)
	return nil
}

// Keys reads limit keys for a page, including those that the filter drops. So the pages
// of a filtered listing are short.
func (s *mapStore) Keys(_ context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cursor != "" && !strings.Contains(cursor, "/") {
		return nil, "", fmt.Errorf("%w: cursor", apikey.ErrInvalid)
	}
	place := func(k apikey.Key) string { return fmt.Sprintf("%019d/%s", k.Created.UnixMicro(), k.ID) }
	newestFirst := func(a, b apikey.Key) int { return strings.Compare(place(b), place(a)) }
	var page []apikey.Key
	read := 0
	for _, k := range slices.SortedFunc(maps.Values(s.keys), newestFirst) {
		if cursor != "" && place(k) >= cursor {
			continue
		}
		if read++; read > limit {
			return page, cursor, nil
		}
		cursor = place(k)
		if strings.HasPrefix(k.Name, f.NamePrefix) {
			page = append(page, k)
		}
	}
	return page, "", nil
}

func (s *mapStore) digestsTaken(k apikey.Key) bool {
	for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
		if other, ok := s.byDigest(d); ok && other.ID != k.ID {
			return true
		}
	}
	return false
}

func (s *mapStore) byDigest(d apikey.Digest) (apikey.Key, bool) {
	for _, k := range s.keys {
		if d != (apikey.Digest{}) && (k.Digest == d || k.Retiring == d) {
			return k, true
		}
	}
	return apikey.Key{}, false
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
