package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// These flaws are of stores of keys that cache, that leave indexes behind, or that
// compare versions in another way.
type (
	// missedDigests remembers which digests no key had. If byInsert is set, an insert drops
	// those of its key.
	missedDigests struct {
		base
		missed   *memo[apikey.Digest, bool]
		byInsert bool
	}
	// readDigests remembers keys by digest until they are updated.
	readDigests struct {
		base
		read *memo[apikey.Digest, apikey.Key]
	}
	// staleIndex never deletes a digest from its index.
	staleIndex struct {
		base
		ids *memo[apikey.Digest, string]
	}
	// takenDigests never frees the digests of deleted or updated keys.
	takenDigests struct {
		base
		owners             *memo[apikey.Digest, string]
		byDelete, byUpdate bool
	}
	tombstones struct {
		base
		dead *memo[apikey.Digest, bool]
	}
	expires           struct{ base }
	retires           struct{ base }
	anyVersion        struct{ base }
	laterVersion      struct{ base }
	defaultPlan       struct{ base }
	defaultLink       struct{ base }
	anyVersionOfLinks struct{ base }
)

func newMissedDigests(byInsert bool) apikey.Store {
	return missedDigests{newBase(), newMemo[apikey.Digest, bool](), byInsert}
}

func newTakenDigests(byDelete, byUpdate bool) apikey.Store {
	return takenDigests{newBase(), newMemo[apikey.Digest, string](), byDelete, byUpdate}
}

var cacheKeyFlaws = []directoryFlaw[apikey.Store]{
	{"remembers that a digest was missed", "again", func() apikey.Store { return newMissedDigests(false) }},
	{"remembers that a digest was missed until an insert", "again", func() apikey.Store { return newMissedDigests(true) }},
	{"remembers a deleted key by its digests", "again", func() apikey.Store {
		return readDigests{newBase(), newMemo[apikey.Digest, apikey.Key]()}
	}},
	{"finds another key of the ID by a deleted digest", "again", func() apikey.Store {
		return staleIndex{newBase(), newMemo[apikey.Digest, string]()}
	}},
	{"hides a key that was deleted and inserted again", "again, heirs", func() apikey.Store {
		return tombstones{newBase(), newMemo[apikey.Digest, bool]()}
	}},
	{"frees no digest of a deleted key", "heirs", func() apikey.Store { return newTakenDigests(true, false) }},
	{"frees no digest that an update removes", "heirs", func() apikey.Store { return newTakenDigests(false, true) }},
	{"drops a key when it expires", "state, times", func() apikey.Store { return expires{newBase()} }},
	{"drops a retiring digest when its time is over", "state, times", func() apikey.Store { return retires{newBase()} }},
	{"an update of version 0 matches every version", "version/any", func() apikey.Store { return anyVersion{newBase()} }},
	{"an update of a later version succeeds", "version/any", func() apikey.Store { return laterVersion{newBase()} }},
}

func (s missedDigests) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if s.missed.has(d) {
		return apikey.Key{}, apikey.ErrNotFound
	}
	k, err := s.base.KeyByDigest(ctx, d)
	if errors.Is(err, apikey.ErrNotFound) {
		s.missed.set(d, true)
	}
	return k, err
}

func (s missedDigests) InsertKey(ctx context.Context, k apikey.Key) error {
	if s.byInsert {
		s.missed.drop(k.Digest)
		s.missed.drop(k.Retiring)
	}
	return s.base.InsertKey(ctx, k)
}

func (s readDigests) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if s.read.has(d) {
		return s.read.of(d).Clone(), nil
	}
	k, err := s.base.KeyByDigest(ctx, d)
	if err == nil {
		s.read.set(d, k.Clone())
	}
	return k, err
}

func (s readDigests) UpdateKey(ctx context.Context, k apikey.Key) error {
	err := s.base.UpdateKey(ctx, k)
	if err == nil {
		s.read.dropIf(func(old apikey.Key) bool { return old.ID == k.ID })
	}
	return err
}

func (s staleIndex) index(k apikey.Key, err error) error {
	if err == nil {
		s.ids.set(k.Digest, k.ID)
		s.ids.set(k.Retiring, k.ID)
	}
	return err
}

func (s staleIndex) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.index(k, s.base.InsertKey(ctx, k))
}

func (s staleIndex) UpdateKey(ctx context.Context, k apikey.Key) error {
	if old, err := s.Key(ctx, k.ID); err == nil {
		s.ids.drop(old.Digest)
		s.ids.drop(old.Retiring)
	}
	return s.index(k, s.base.UpdateKey(ctx, k))
}

func (s staleIndex) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if k, err := s.base.KeyByDigest(ctx, d); err == nil || d == (apikey.Digest{}) {
		return k, err
	}
	return s.Key(ctx, s.ids.of(d))
}

func (s takenDigests) InsertKey(ctx context.Context, k apikey.Key) error {
	for _, d := range []apikey.Digest{k.Digest, k.Retiring} {
		if d != (apikey.Digest{}) && s.owners.has(d) && s.owners.of(d) != k.ID {
			return apikey.ErrExists
		}
	}
	return s.base.InsertKey(ctx, k)
}

func (s takenDigests) DeleteKey(ctx context.Context, id string) error {
	if k, err := s.Key(ctx, id); err == nil && s.byDelete {
		s.owners.set(k.Digest, id)
		s.owners.set(k.Retiring, id)
	}
	return s.base.DeleteKey(ctx, id)
}

func (s takenDigests) UpdateKey(ctx context.Context, k apikey.Key) error {
	if old, err := s.Key(ctx, k.ID); err == nil && s.byUpdate {
		s.owners.set(old.Digest, k.ID)
	}
	return s.base.UpdateKey(ctx, k)
}

func (s tombstones) DeleteKey(ctx context.Context, id string) error {
	if k, err := s.Key(ctx, id); err == nil {
		s.dead.set(k.Digest, true)
	}
	return s.base.DeleteKey(ctx, id)
}

func (s tombstones) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if s.dead.has(d) {
		return apikey.Key{}, apikey.ErrNotFound
	}
	return s.base.KeyByDigest(ctx, d)
}

func (s expires) Key(ctx context.Context, id string) (apikey.Key, error) {
	k, err := s.base.Key(ctx, id)
	if err == nil && !k.Expires.IsZero() && k.Expires.Before(time.Now()) {
		return apikey.Key{}, apikey.ErrNotFound
	}
	return k, err
}

func (s retires) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	k, err := s.base.KeyByDigest(ctx, d)
	if err == nil && d == k.Retiring && !k.RetiringUntil.After(time.Now()) {
		return apikey.Key{}, apikey.ErrNotFound
	}
	return k, err
}

func (s anyVersion) UpdateKey(ctx context.Context, k apikey.Key) error {
	if old, err := s.Key(ctx, k.ID); err == nil && k.Version == 0 {
		k.Version = old.Version
	}
	return s.base.UpdateKey(ctx, k)
}

func (s anyVersion) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	if old, err := s.Plan(ctx, p.ID); err == nil && p.Version == 0 {
		p.Version = old.Version
	}
	return s.base.UpdatePlan(ctx, p)
}

func (s anyVersionOfLinks) UpdateLink(ctx context.Context, l usageplan.Link) error {
	links, err := s.KeyLinks(ctx, l.KeyID)
	i := slices.IndexFunc(links, func(old usageplan.Link) bool { return old.PlanID == l.PlanID })
	if err == nil && l.Version == 0 && i >= 0 {
		l.Version = links[i].Version
	}
	return s.base.UpdateLink(ctx, l)
}

func (s laterVersion) UpdateKey(ctx context.Context, k apikey.Key) error {
	if old, err := s.Key(ctx, k.ID); err == nil && k.Version > old.Version {
		k.Version = old.Version
	}
	return s.base.UpdateKey(ctx, k)
}

func (s laterVersion) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	if old, err := s.Plan(ctx, p.ID); err == nil && p.Version > old.Version {
		p.Version = old.Version
	}
	return s.base.UpdatePlan(ctx, p)
}

func (s defaultPlan) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	wanted := min(p.Version, 9)
	err := s.base.InsertPlan(ctx, p)
	for p.Version = 1; err == nil && p.Version < wanted; p.Version++ {
		err = s.base.UpdatePlan(ctx, p)
	}
	return err
}

func (s defaultLink) InsertLink(ctx context.Context, l usageplan.Link) error {
	wanted := min(l.Version, 9)
	err := s.base.InsertLink(ctx, l)
	for l.Version = 1; err == nil && l.Version < wanted; l.Version++ {
		err = s.base.UpdateLink(ctx, l)
	}
	return err
}
