package storetest

import (
	"context"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// restored is a directory that copies records to another one when it is opened again.
type restored struct {
	base
	copy func(from, to base)
}

func (s restored) reopen() any {
	to := newBase()
	s.copy(s.base, to)
	return restored{to, s.copy}
}

// restoredPlans copies keys and groups as they are, and the rest as copy does.
func restoredPlans(copy func(from, to base)) restored {
	return restored{newBase(), func(from, to base) {
		copy(from, to)
		copyKeys(func(*apikey.Key) bool { return true })(from, to)
		copyGroups(true, func(base, *usageplan.Group) bool { return true })(from, to)
	}}
}

// must panics with err, which fails the case.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// copyKeys copies the keys that change keeps.
func copyKeys(change func(k *apikey.Key) bool) func(from, to base) {
	return func(from, to base) {
		keys, _, err := from.Keys(context.Background(), apikey.Filter{}, "", 1000)
		must(err)
		for _, k := range slices.Backward(keys) {
			if change(&k) {
				must(to.InsertKey(context.Background(), k))
			}
		}
	}
}

// copyPlans copies plans and links, their versions, and the links that keep says.
func copyPlans(planVersions, linkVersions bool, keep func(from base, l usageplan.Link) bool) func(from, to base) {
	ctx := context.Background()
	return func(from, to base) {
		plans, _, err := from.Plans(ctx, "", 1000)
		must(err)
		for _, p := range slices.Backward(plans) {
			must(to.InsertPlan(ctx, p))
			for last := p.Version; planVersions && last > 1; last-- {
				p.Version = p.Version - last + 1
				must(to.UpdatePlan(ctx, p))
			}
		}
		for _, planID := range []string{planID(0), planID(1)} {
			links, _, err := from.PlanLinks(ctx, planID, "", 1000)
			must(err)
			for _, l := range slices.Backward(links) {
				if !keep(from, l) {
					continue
				}
				must(to.InsertLink(ctx, l))
				for last := l.Version; linkVersions && last > 1; last-- {
					l.Version = l.Version - last + 1
					must(to.UpdateLink(ctx, l))
				}
			}
		}
	}
}

func all(base, usageplan.Link) bool { return true }

func planExists(from base, l usageplan.Link) bool {
	_, err := from.Plan(context.Background(), l.PlanID)
	return err == nil
}

// unlogged is a directory that logs what is inserted and changed, but no deletion.
type unlogged struct {
	restored
	deleted *[]apikey.Key
}

func newUnlogged() unlogged {
	s := unlogged{deleted: new([]apikey.Key)}
	s.restored = restored{newBase(), func(from, to base) {
		for _, k := range *s.deleted {
			must(to.InsertKey(context.Background(), k))
		}
		copyKeys(func(*apikey.Key) bool { return true })(from, to)
	}}
	return s
}

func (s unlogged) DeleteKey(ctx context.Context, id string) error {
	if k, err := s.Key(ctx, id); err == nil {
		*s.deleted = append(*s.deleted, k)
	}
	return s.base.DeleteKey(ctx, id)
}

// recounts is a directory that numbers keys from 1 again when it is opened.
type recounts struct {
	base
	restored []string
}

func (s recounts) reopen() any {
	again := recounts{base: s.base}
	keys, _, err := s.base.Keys(context.Background(), apikey.Filter{}, "", 1000)
	must(err)
	again.restored = keyIDs(keys)
	return again
}

func (s recounts) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	if s.restored == nil {
		return s.base.Keys(ctx, f, cursor, limit)
	}
	keys, _, err := s.base.Keys(ctx, f, "", 1000)
	if err != nil {
		return nil, "", err
	}
	old := func(k apikey.Key) int { // the new keys after the restored ones
		if slices.Contains(s.restored, k.ID) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(keys, func(a, b apikey.Key) int { return old(a) - old(b) })
	return offset(keys, cursor, limit, apikey.ErrInvalid)
}

var durableKeyFlaws = []directoryFlaw[apikey.Store]{
	{"keeps no key on disk", "reopen, reopen/version, reopen/changes, reopen/order", func() apikey.Store {
		return restored{newBase(), func(_, _ base) {}}
	}},
	{"saves no retiring digest", "reopen, reopen/version, reopen/changes, reopen/order", func() apikey.Store {
		return restored{newBase(), copyKeys(func(k *apikey.Key) bool { k.Retiring = apikey.Digest{}; return true })}
	}},
	{"starts the versions of keys again", "reopen/version, reopen/changes", func() apikey.Store {
		return restored{newBase(), copyKeys(func(k *apikey.Key) bool { k.Version = 1; return true })}
	}},
	{"logs no deletion", "reopen/changes", func() apikey.Store { return newUnlogged() }},
	{"numbers keys from 1 again", "reopen/order", func() apikey.Store { return recounts{base: newBase()} }},
	{"caches keys by their digest", "peer", func() apikey.Store { return newCaching(digests) }},
	{"caches missing digests", "peer", func() apikey.Store { return newCaching(misses) }},
	{"compares versions with its cache", "peer/version", func() apikey.Store { return newCaching(oldVersions) }},
	{"knows the digests of its own keys", "peer/unique", func() apikey.Store { return newCaching(ownDigests) }},
	{"notifies of its own changes", "peer/notify", func() apikey.Store { return newCaching(ownChanges) }},
}

var durablePlanFlaws = []directoryFlaw[usageplan.Store]{
	{"keeps no plan on disk", "reopen, reopen/version, reopen/changes, reopen/order", func() usageplan.Store {
		return restoredPlans(func(_, _ base) {})
	}},
	{"starts the versions of plans again", "reopen/version", func() usageplan.Store {
		return restoredPlans(copyPlans(false, true, all))
	}},
	{"starts the versions of links again", "reopen/version, reopen/changes", func() usageplan.Store {
		return restoredPlans(copyPlans(true, false, all))
	}},
	{"restores links of plans that exist", "reopen/changes", func() usageplan.Store {
		return restoredPlans(copyPlans(true, true, planExists))
	}},
	{"caches plans", "peer, peer/notify", func() usageplan.Store { return newCaching(plansByID) }},
	{"caches the links of keys", "peer, peer/notify", func() usageplan.Store { return newCaching(linksOfKeys) }},
	{"compares versions with its cache", "peer/version", func() usageplan.Store { return newCaching(oldVersions) }},
	{"notifies of its own changes", "peer/notify, groups/peer-notify", func() usageplan.Store { return newCaching(ownChanges) }},
}
