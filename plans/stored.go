package plans

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// stored is what a store has of that which a file is about.
type stored struct {
	plans  map[string]*usageplan.Plan
	groups map[string]*usageplan.Group
	keys   map[string]*storedKey // the keys that the file names; nil if there is no such key
}

// A storedKey is a key and its links, oldest first.
type storedKey struct {
	apikey.Key
	links []usageplan.Link
}

// read reads all plans and groups, and the keys that f names.
func (s *Services) read(ctx context.Context, f *File) (*stored, error) {
	st := &stored{plans: map[string]*usageplan.Plan{}, groups: map[string]*usageplan.Group{}, keys: map[string]*storedKey{}}
	for p, err := range s.Plans.All(ctx) {
		if err != nil {
			return nil, err
		}
		st.plans[p.ID] = &p
	}
	if s.Groups != nil {
		for g, err := range s.Groups.All(ctx, usageplan.GroupFilter{}) {
			if err != nil {
				return nil, err
			}
			st.groups[g.ID] = &g
		}
	}
	ids := f.keyIDs()
	keys := make([]*storedKey, len(ids))
	err := each(ctx, ids, func(ctx context.Context, i int, id string) (err error) {
		keys[i], err = s.readKey(ctx, id)
		return err
	})
	for i, id := range ids {
		st.keys[id] = keys[i]
	}
	return st, err
}

// readKey returns the key with an ID, or nil if there is none.
func (s *Services) readKey(ctx context.Context, id string) (*storedKey, error) {
	k, err := s.Keys.Get(ctx, id)
	if errors.Is(err, apikey.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("plans: key %s: %w", id, err)
	}
	links, err := s.Plans.KeyLinks(ctx, id)
	return &storedKey{k, links}, err
}

// keyIDs returns the IDs of the keys that the file names, sorted.
func (f *File) keyIDs() []string {
	ids := map[string]bool{}
	for _, k := range f.Keys {
		ids[k.ID] = true
	}
	for _, l := range f.Links {
		ids[l.KeyID] = true
	}
	delete(ids, "")
	return slices.Sorted(maps.Keys(ids))
}
