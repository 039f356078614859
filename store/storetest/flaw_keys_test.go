package storetest

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
)

type (
	forgetsRetiring struct{ base }
	losesDigests    struct{ base }
	unfiltered      struct{ base }
	anyCase         struct{ base }
	globs           struct{ base }
	firstOfPage     struct{ base }
	remembers       struct {
		base
		old map[apikey.Digest]apikey.Key
	}
	indexesZero struct {
		base
		last *apikey.Key
	}
	conflictWins struct{ base }
	shallow      struct {
		base
		key *apikey.Key
	}
	anyCustomer struct{ base }
)

var storedKeyFlaws = []directoryFlaw[apikey.Store]{
	{"forgets the retiring digest", "insert", func() apikey.Store { return forgetsRetiring{newBase()} }},
	{"keeps whole seconds", "insert", func() apikey.Store { return wholeSeconds{newBase()} }},
	{"finds a key by the zero digest", "missing", func() apikey.Store { return indexesZero{newBase(), new(apikey.Key)} }},
	{"deletes what does not exist", "missing", func() apikey.Store { return idempotent{newBase()} }},
	{"overwrites on insert", "unique", func() apikey.Store { return overwrites{newBase()} }},
	{"loses digests when an update fails", "unique", func() apikey.Store { return losesDigests{newBase()} }},
	{"keeps fields that an update clears", "update", func() apikey.Store { return merges{newBase()} }},
	{"finds replaced digests", "update", func() apikey.Store { return newRemembers() }},
	{"the last writer wins", "version", func() apikey.Store { return lastWins{newBase()} }},
	{"reports a conflict and makes the change", "version", func() apikey.Store { return conflictWins{newBase()} }},
	{"finds deleted keys", "delete", func() apikey.Store { return newRemembers() }},
	{"lists the oldest first", "list", func() apikey.Store { return oldestFirst{newBase()} }},
	{"returns one more than the limit", "list", func() apikey.Store { return oneMore{newBase()} }},
	{"returns no cursor", "list", func() apikey.Store { return firstOfPage{newBase()} }},
	{"cursors are offsets", "list/meanwhile", func() apikey.Store { return offsets{newBase()} }},
	{"shares an inserted key", "copies", func() apikey.Store { return shallow{newBase(), new(apikey.Key)} }},
	{"filters by name only", "list/customer", func() apikey.Store { return anyCustomer{newBase()} }},
	{"ignores the group of a filter", "list/group, list/text", func() apikey.Store { return filtersGroups{base: newBase(), any: true} }},
	{"filters by group or by customer", "list/group", func() apikey.Store { return filtersGroups{base: newBase(), alone: true} }},
	{"finds a key by its first group", "list/group", func() apikey.Store {
		return filtersGroups{base: newBase(), first: newMemo[string, string]()}
	}},
	{"compares groups without regard to case", "list/text", func() apikey.Store { return filtersGroups{base: newBase(), fold: true} }},
	{"does not filter", "list/filter", func() apikey.Store { return unfiltered{newBase()} }},
	{"filters without regard to case", "list/filter", func() apikey.Store { return anyCase{newBase()} }},
	{"reads a prefix as a pattern", "list/filter", func() apikey.Store { return globs{newBase()} }},
	{"starts over at a bad cursor", "list/cursor", func() apikey.Store { return lenient{newBase()} }},
	{"ignores ctx", "ctx", func() apikey.Store { return ignoresCtx{newBase()} }},
	{"refuses concurrent callers", "together", func() apikey.Store { return rejectsConcurrent{newBase(), make(chan struct{}, 1)} }},
	{"notifies stopped listeners", "notify", func() apikey.Store { return neverStops{newBase()} }},
	{"notifies before the change", "notify", func() apikey.Store { return newTells(before) }},
	{"notifies of a failed change", "notify", func() apikey.Store { return newTells(failed) }},
	{"never notifies", "notify", func() apikey.Store { return newTells(never) }},
}

func (s forgetsRetiring) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	k, err := s.base.KeyByDigest(ctx, d)
	if err == nil && k.Retiring == d {
		return apikey.Key{}, apikey.ErrNotFound
	}
	return k, err
}

func (s lastWins) UpdateKey(ctx context.Context, k apikey.Key) error {
	for {
		now, err := s.Key(ctx, k.ID)
		if err != nil {
			return err
		}
		k.Version = now.Version
		if err = s.base.UpdateKey(ctx, k); !errors.Is(err, apikey.ErrConflict) {
			return err
		}
	}
}

func (s oldestFirst) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	keys, next, err := s.base.Keys(ctx, f, cursor, limit)
	slices.Reverse(keys)
	return keys, next, err
}

func (s offsets) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	all, _, err := s.base.Keys(ctx, f, "", 10_000)
	if err != nil {
		return nil, "", err
	}
	return offset(all, cursor, limit, apikey.ErrInvalid)
}

func (s unfiltered) Keys(ctx context.Context, _ apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	return s.base.Keys(ctx, apikey.Filter{}, cursor, limit)
}

func (s oneMore) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	return s.base.Keys(ctx, f, cursor, limit+1)
}

func (s ignoresCtx) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.base.InsertKey(context.WithoutCancel(ctx), k)
}

func (s wholeSeconds) InsertKey(ctx context.Context, k apikey.Key) error {
	k.Created = k.Created.Truncate(time.Second)
	return s.base.InsertKey(ctx, k)
}

func (s lenient) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	keys, next, err := s.base.Keys(ctx, f, cursor, limit)
	if errors.Is(err, apikey.ErrInvalid) {
		return s.base.Keys(ctx, f, "", limit)
	}
	return keys, next, err
}

func (s overwrites) InsertKey(ctx context.Context, k apikey.Key) error {
	err := s.base.InsertKey(ctx, k)
	if errors.Is(err, apikey.ErrExists) && s.DeleteKey(ctx, k.ID) == nil {
		return s.base.InsertKey(ctx, k)
	}
	return err
}

func (s remembers) DeleteKey(ctx context.Context, id string) error {
	k, err := s.Key(ctx, id)
	if err == nil {
		s.old[k.Digest] = k
	}
	return s.base.DeleteKey(ctx, id)
}

func (s remembers) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if k, ok := s.old[d]; ok {
		return k, nil
	}
	return s.base.KeyByDigest(ctx, d)
}

func newRemembers() remembers { return remembers{newBase(), map[apikey.Digest]apikey.Key{}} }

func (s remembers) UpdateKey(ctx context.Context, k apikey.Key) error {
	if old, err := s.Key(ctx, k.ID); err == nil {
		s.old[old.Retiring] = old
	}
	return s.base.UpdateKey(ctx, k)
}

func (s indexesZero) InsertKey(ctx context.Context, k apikey.Key) error {
	*s.last = k
	return s.base.InsertKey(ctx, k)
}

func (s indexesZero) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if d == s.last.Digest {
		return *s.last, nil
	}
	return s.base.KeyByDigest(ctx, d)
}

func (s idempotent) DeleteKey(ctx context.Context, id string) error {
	if err := s.base.DeleteKey(ctx, id); !errors.Is(err, apikey.ErrNotFound) {
		return err
	}
	return nil
}

func (s losesDigests) UpdateKey(ctx context.Context, k apikey.Key) error {
	err := s.base.UpdateKey(ctx, k)
	if old, e := s.Key(ctx, k.ID); e == nil && errors.Is(err, apikey.ErrExists) {
		old.Digest = apikey.Digest{}
		_ = s.base.UpdateKey(ctx, old)
	}
	return err
}

func (s merges) UpdateKey(ctx context.Context, k apikey.Key) error {
	if old, err := s.Key(ctx, k.ID); err == nil {
		k.Name = old.Name
	}
	return s.base.UpdateKey(ctx, k)
}

func (s conflictWins) UpdateKey(ctx context.Context, k apikey.Key) error {
	err := s.base.UpdateKey(ctx, k)
	if now, e := s.Key(ctx, k.ID); e == nil && errors.Is(err, apikey.ErrConflict) {
		now.Description = k.Description
		_ = s.base.UpdateKey(ctx, now)
	}
	return err
}

func (s firstOfPage) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	keys, _, err := s.base.Keys(ctx, f, cursor, limit)
	return keys, "", err
}

// matching returns the names of a page that match.
func matching(ctx context.Context, s base, cursor string, limit int, match func(string) bool) ([]apikey.Key, string, error) {
	keys, next, err := s.Keys(ctx, apikey.Filter{}, cursor, limit)
	return slices.DeleteFunc(keys, func(k apikey.Key) bool { return !match(k.Name) }), next, err
}

func (s anyCase) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	return matching(ctx, s.base, cursor, limit, func(name string) bool {
		return strings.HasPrefix(strings.ToLower(name), strings.ToLower(f.NamePrefix))
	})
}

func (s globs) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	return matching(ctx, s.base, cursor, limit, func(name string) bool {
		ok, _ := path.Match(f.NamePrefix+"*", name)
		return ok
	})
}

func (s rejectsConcurrent) InsertKey(ctx context.Context, k apikey.Key) error {
	if !s.enter() {
		return errors.New("busy")
	}
	return s.base.InsertKey(ctx, k)
}

func (s shallow) InsertKey(ctx context.Context, k apikey.Key) error {
	*s.key = k
	return s.base.InsertKey(ctx, k)
}

func (s shallow) Key(ctx context.Context, id string) (apikey.Key, error) {
	if s.key.ID == id {
		return *s.key, nil
	}
	return s.base.Key(ctx, id)
}

func (s anyCustomer) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	f.CustomerID = ""
	return s.base.Keys(ctx, f, cursor, limit)
}
