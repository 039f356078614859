package storetest

import (
	"context"
	"errors"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// caching is one of two directories over one storage. It keeps something for itself, of
// which only its own writes remind it.
type caching struct {
	base
	what cached
	own  *cache
}

// cached is what a caching directory keeps.
type cached int

const (
	digests cached = iota
	misses
	oldVersions
	ownDigests
	ownChanges
	plansByID
	linksOfKeys
	groupsByID
	groupMisses
	groupVersions
	groupLists
)

type cache struct {
	keys     map[apikey.Digest]apikey.Key
	missing  map[apikey.Digest]bool
	versions map[string]int64
	plans    map[string]usageplan.Plan
	links    map[string][]usageplan.Link
	mine     map[string]bool
	groups   map[string]usageplan.Group
	below    map[usageplan.GroupFilter][]usageplan.Group
	writing  bool
}

func newCache() *cache {
	return &cache{
		keys: map[apikey.Digest]apikey.Key{}, missing: map[apikey.Digest]bool{}, versions: map[string]int64{},
		plans: map[string]usageplan.Plan{}, links: map[string][]usageplan.Link{}, mine: map[string]bool{},
		groups: map[string]usageplan.Group{}, below: map[usageplan.GroupFilter][]usageplan.Group{},
	}
}

func newCaching(what cached) caching { return caching{newBase(), what, newCache()} }

func (s caching) peer() any { return caching{s.base, s.what, newCache()} }

// writes makes a change, after which this directory reads again what it has cached.
func (s caching) writes(change func() error) error {
	versions, mine := s.own.versions, s.own.mine
	*s.own = *newCache()
	s.own.versions, s.own.mine = versions, mine
	s.own.writing = true
	defer func() { s.own.writing = false }()
	return change()
}

func (s caching) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if k, ok := s.own.keys[d]; ok && s.what == digests {
		return k, nil
	}
	if s.own.missing[d] && s.what == misses {
		return apikey.Key{}, apikey.ErrNotFound
	}
	k, err := s.base.KeyByDigest(ctx, d)
	if err == nil {
		s.own.keys[d] = k.Clone()
	} else if errors.Is(err, apikey.ErrNotFound) {
		s.own.missing[d] = true
	}
	return k, err
}

func (s caching) Key(ctx context.Context, id string) (apikey.Key, error) {
	k, err := s.base.Key(ctx, id)
	if err == nil {
		s.own.versions[id] = k.Version
	}
	return k, err
}

func (s caching) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.writes(func() error {
		err := s.base.InsertKey(ctx, k)
		if err == nil {
			s.own.mine[k.ID] = true
		}
		return s.unlessOthers(ctx, err, k)
	})
}

// unlessOthers returns err, unless it is about a digest of a key that this directory did
// not insert.
func (s caching) unlessOthers(ctx context.Context, err error, k apikey.Key) error {
	if s.what != ownDigests || !errors.Is(err, apikey.ErrExists) {
		return err
	}
	for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
		if of, e := s.base.KeyByDigest(ctx, d); e == nil && s.own.mine[of.ID] {
			return err
		}
	}
	if _, e := s.base.Key(ctx, k.ID); e == nil {
		return err
	}
	return nil
}

func (s caching) UpdateKey(ctx context.Context, k apikey.Key) error {
	return s.writes(func() error {
		err := s.base.UpdateKey(ctx, k)
		if errors.Is(err, apikey.ErrConflict) && s.what == oldVersions && s.own.versions[k.ID] == k.Version {
			return lastWins{s.base}.UpdateKey(ctx, k)
		}
		if err == nil {
			s.own.versions[k.ID] = k.Version + 1
		}
		return s.unlessOthers(ctx, err, k)
	})
}

func (s caching) DeleteKey(ctx context.Context, id string) error {
	return s.writes(func() error { return s.base.DeleteKey(ctx, id) })
}

func (s caching) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	if p, ok := s.own.plans[id]; ok && s.what == plansByID {
		return p.Clone(), nil
	}
	p, err := s.base.Plan(ctx, id)
	if err == nil {
		s.own.plans[id] = p.Clone()
	}
	return p, err
}

func (s caching) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return s.writes(func() error {
		err := s.base.InsertPlan(ctx, p)
		if err == nil {
			s.own.versions[p.ID] = 1
		}
		return err
	})
}

func (s caching) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return s.writes(func() error {
		err := s.base.UpdatePlan(ctx, p)
		if errors.Is(err, usageplan.ErrConflict) && s.what == oldVersions && s.own.versions[p.ID] == p.Version {
			return lastWins{s.base}.UpdatePlan(ctx, p)
		}
		if err == nil {
			s.own.versions[p.ID] = p.Version + 1
		}
		return err
	})
}

func (s caching) DeletePlan(ctx context.Context, id string, version int64) error {
	return s.writes(func() error { return s.base.DeletePlan(ctx, id, version) })
}

func (s caching) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.writes(func() error { return s.base.InsertLink(ctx, l) })
}

func (s caching) UpdateLink(ctx context.Context, l usageplan.Link) error {
	return s.writes(func() error { return s.base.UpdateLink(ctx, l) })
}

func (s caching) DeleteLink(ctx context.Context, planID, keyID string) error {
	return s.writes(func() error { return s.base.DeleteLink(ctx, planID, keyID) })
}

func (s caching) KeyLinks(ctx context.Context, keyID string) ([]usageplan.Link, error) {
	links, ok := s.own.links[keyID]
	if !ok || s.what != linksOfKeys {
		var err error
		if links, err = s.base.KeyLinks(ctx, keyID); err != nil {
			return nil, err
		}
		s.own.links[keyID] = links
	}
	var copies []usageplan.Link
	for i := range links {
		copies = append(copies, links[i].Clone())
	}
	return copies, nil
}

func (s caching) OnChange(changed func(id string)) func() {
	return s.base.OnChange(func(id string) {
		if s.what != ownChanges || s.own.writing || id == "" {
			changed(id)
		}
	})
}
