package storetest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// base is a directory that is right, for flawed ones to embed.
type base struct{ *memory.Store }

func newBase() base { return base{memory.New(memory.Config{})} }

type (
	forgetsRetiring struct{ base }
	lastWins        struct{ base }
	oldestFirst     struct{ base }
	offsets         struct{ base }
	unfiltered      struct{ base }
	oneMore         struct{ base }
	deaf            struct{ base }
	wholeSeconds    struct{ base }
	lenient         struct{ base }
	overwrites      struct{ base }
	remembers       struct {
		base
		gone map[apikey.Digest]apikey.Key
	}
	neverStops struct{ base }
	shares     struct {
		base
		plan *usageplan.Plan
	}
	takesLinks  struct{ base }
	newestFirst struct{ base }
	linksTwice  struct{ base }
)

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

func (s lastWins) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	for {
		now, err := s.Plan(ctx, p.ID)
		if err != nil {
			return err
		}
		p.Version = now.Version
		if err = s.base.UpdatePlan(ctx, p); !errors.Is(err, usageplan.ErrConflict) {
			return err
		}
	}
}

func (s oldestFirst) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	keys, next, err := s.base.Keys(ctx, f, cursor, limit)
	slices.Reverse(keys)
	return keys, next, err
}

func (s oldestFirst) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	plans, next, err := s.base.Plans(ctx, cursor, limit)
	slices.Reverse(plans)
	return plans, next, err
}

// offset is a page by its place in the whole, which moves when records come and go.
func offset[T any](all []T, cursor string, limit int, bad error) ([]T, string, error) {
	at := 0
	if cursor != "" {
		var err error
		if at, err = strconv.Atoi(cursor); err != nil || at < 0 {
			return nil, "", bad
		}
	}
	at = min(at, len(all))
	end := min(at+limit, len(all))
	next := strconv.Itoa(end)
	if end == len(all) {
		next = ""
	}
	return all[at:end], next, nil
}

func (s offsets) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	all, _, err := s.base.Keys(ctx, f, "", 10_000)
	if err != nil {
		return nil, "", err
	}
	return offset(all, cursor, limit, apikey.ErrInvalid)
}

func (s offsets) PlanLinks(ctx context.Context, id, cursor string, limit int) ([]usageplan.Link, string, error) {
	all, _, err := s.base.PlanLinks(ctx, id, "", 10_000)
	if err != nil {
		return nil, "", err
	}
	return offset(all, cursor, limit, usageplan.ErrInvalid)
}

func (s unfiltered) Keys(ctx context.Context, _ apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	return s.base.Keys(ctx, apikey.Filter{}, cursor, limit)
}

func (s oneMore) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	return s.base.Keys(ctx, f, cursor, limit+1)
}

func (s oneMore) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	return s.base.Plans(ctx, cursor, limit+1)
}

func (s deaf) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.base.InsertKey(context.WithoutCancel(ctx), k)
}

func (s deaf) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.base.InsertLink(context.WithoutCancel(ctx), l)
}

func (s wholeSeconds) InsertKey(ctx context.Context, k apikey.Key) error {
	k.Created = k.Created.Truncate(time.Second)
	return s.base.InsertKey(ctx, k)
}

func (s wholeSeconds) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	p.Created = p.Created.Truncate(time.Second)
	return s.base.InsertPlan(ctx, p)
}

func (s lenient) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	keys, next, err := s.base.Keys(ctx, f, cursor, limit)
	if errors.Is(err, apikey.ErrInvalid) {
		return s.base.Keys(ctx, f, "", limit)
	}
	return keys, next, err
}

func (s lenient) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	plans, next, err := s.base.Plans(ctx, cursor, limit)
	if errors.Is(err, usageplan.ErrInvalid) {
		return s.base.Plans(ctx, "", limit)
	}
	return plans, next, err
}

func (s overwrites) InsertKey(ctx context.Context, k apikey.Key) error {
	err := s.base.InsertKey(ctx, k)
	if errors.Is(err, apikey.ErrExists) && s.DeleteKey(ctx, k.ID) == nil {
		return s.base.InsertKey(ctx, k)
	}
	return err
}

func (s overwrites) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	_ = s.DeletePlan(ctx, p.ID)
	return s.base.InsertPlan(ctx, p)
}

func (s remembers) DeleteKey(ctx context.Context, id string) error {
	k, err := s.Key(ctx, id)
	if err == nil {
		s.gone[k.Digest] = k
	}
	return s.base.DeleteKey(ctx, id)
}

func (s remembers) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if k, ok := s.gone[d]; ok {
		return k, nil
	}
	return s.base.KeyByDigest(ctx, d)
}

func (s neverStops) OnChange(changed func(string)) func() {
	s.base.OnChange(changed)
	return func() {}
}

func (s shares) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	*s.plan = p
	return s.base.InsertPlan(ctx, p)
}

func (s shares) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	if s.plan.ID == id {
		return *s.plan, nil
	}
	return s.base.Plan(ctx, id)
}

func (s takesLinks) DeletePlan(ctx context.Context, id string) error {
	links, _, err := s.PlanLinks(ctx, id, "", 1000)
	for _, l := range links {
		_ = s.DeleteLink(ctx, l.PlanID, l.KeyID)
	}
	return errors.Join(err, s.base.DeletePlan(ctx, id))
}

func (s newestFirst) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	slices.Reverse(links)
	return links, err
}

func (s linksTwice) InsertLink(ctx context.Context, l usageplan.Link) error {
	if err := s.base.InsertLink(ctx, l); !errors.Is(err, usageplan.ErrExists) {
		return err
	}
	return nil
}

// TestDirectoryFlaws tries the suites on directories that are wrong: each must be caught, by the case that is for it.
func TestDirectoryFlaws(t *testing.T) {
	for _, f := range []struct {
		name, caught string
		make         func() apikey.Store
	}{
		{"forgets the retiring digest", "insert", func() apikey.Store { return forgetsRetiring{newBase()} }},
		{"the last writer wins", "version", func() apikey.Store { return lastWins{newBase()} }},
		{"lists the oldest first", "list", func() apikey.Store { return oldestFirst{newBase()} }},
		{"cursors are offsets", "list/meanwhile", func() apikey.Store { return offsets{newBase()} }},
		{"does not filter", "list/filter", func() apikey.Store { return unfiltered{newBase()} }},
		{"one more than the limit", "list", func() apikey.Store { return oneMore{newBase()} }},
		{"ignores ctx", "ctx", func() apikey.Store { return deaf{newBase()} }},
		{"keeps whole seconds", "insert", func() apikey.Store { return wholeSeconds{newBase()} }},
		{"a bad cursor starts anew", "list/cursor", func() apikey.Store { return lenient{newBase()} }},
		{"overwrites", "unique", func() apikey.Store { return overwrites{newBase()} }},
		{"remembers the deleted", "delete", func() apikey.Store { return remembers{newBase(), map[apikey.Digest]apikey.Key{}} }},
		{"tells those who stopped", "notify", func() apikey.Store { return neverStops{newBase()} }},
	} {
		t.Run("keys/"+f.name, func(t *testing.T) { caught(t, storedKeys, f.caught, f.make) })
	}
	for _, f := range []struct {
		name, caught string
		make         func() usageplan.Store
	}{
		{"the last writer wins", "version", func() usageplan.Store { return lastWins{newBase()} }},
		{"lists the oldest first", "list", func() usageplan.Store { return oldestFirst{newBase()} }},
		{"cursors are offsets", "links/removed", func() usageplan.Store { return offsets{newBase()} }},
		{"one more than the limit", "list", func() usageplan.Store { return oneMore{newBase()} }},
		{"ignores ctx", "ctx", func() usageplan.Store { return deaf{newBase()} }},
		{"keeps whole seconds", "insert", func() usageplan.Store { return wholeSeconds{newBase()} }},
		{"a bad cursor starts anew", "cursor", func() usageplan.Store { return lenient{newBase()} }},
		{"overwrites", "insert", func() usageplan.Store { return overwrites{newBase()} }},
		{"tells those who stopped", "notify", func() usageplan.Store { return neverStops{newBase()} }},
		{"shares what it keeps", "copies", func() usageplan.Store { return shares{newBase(), new(usageplan.Plan)} }},
		{"a deleted plan takes its links with it", "delete", func() usageplan.Store { return takesLinks{newBase()} }},
		{"a key's newest link first", "links", func() usageplan.Store { return newestFirst{newBase()} }},
		{"links twice", "links", func() usageplan.Store { return linksTwice{newBase()} }},
	} {
		t.Run("plans/"+f.name, func(t *testing.T) { caught(t, storedPlans, f.caught, f.make) })
	}
}

// caught is that a directory breaks the case of that name.
func caught[S any](t *testing.T, promises []listing[S], name string, fresh func() S) {
	i := slices.IndexFunc(promises, func(p listing[S]) bool { return p.name == name })
	if i < 0 {
		t.Fatalf("no such case: %s", name)
	}
	err := promises[i].try(t, fresh())
	if err == nil {
		t.Fatalf("not caught by %s: %s", name, promises[i].says)
	}
	t.Log(err)
}
