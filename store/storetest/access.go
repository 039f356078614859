package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// directory is a store of keys and plans that answers a look-up in one call.
type directory interface {
	apikey.Store
	usageplan.Store
	usageplan.AccessReader
}

// withAccess makes a case of AccessReader a case of stores of plans. It skips other
// stores.
func withAccess(test func(v *visit, s directory)) func(v *visit, s usageplan.Store) {
	return func(v *visit, s usageplan.Store) {
		if d, ok := s.(directory); ok {
			test(v, d)
		}
	}
}

var readAccess = []directoryCase[usageplan.Store]{{
	"access", "An AccessReader finds, by ID and by either digest, what the single calls find: the key, its links with " +
		"the oldest first, its group and those above it, and the plans that exist.",
	withAccess(func(v *visit, s directory) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			_ = changeAny(v.ctx, s, rnd) // many fail and change nothing
			i := rnd.IntN(keysOfHistory)
			for _, d := range []apikey.Digest{aKey(i).Digest, aKey(i).Retiring, {}} {
				wantKey, wantErr := s.KeyByDigest(v.ctx, d)
				got, err := s.AccessByDigest(v.ctx, d)
				v.sameAccess(s, "by digest", got, err, wantKey, wantErr)
			}
			wantKey, wantErr := s.Key(v.ctx, aKey(i).ID)
			got, err := s.AccessByKey(v.ctx, aKey(i).ID)
			v.sameAccess(s, "by id", got, err, wantKey, wantErr)
		}
	}),
}, {
	"access/instant", "What an AccessReader returns was true at one instant.",
	withAccess(func(v *visit, s directory) {
		k, p := aKey(0), aPlan(0)
		v.ok(s.InsertKey(v.ctx, k))
		v.ok(s.InsertPlan(v.ctx, p))
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		v.skipAfterPanic()
		var wg sync.WaitGroup
		var wrote error
		done := make(chan struct{})
		stop := sync.OnceFunc(func() { close(done); wg.Wait() })
		defer stop()
		wg.Go(func() { // the key is at most one version ahead of the plan, and never behind it
			for i := int64(1); wrote == nil; i++ {
				k.Version, p.Version = i, i
				wrote = caught(func() error {
					if err := s.UpdateKey(v.ctx, k); err != nil {
						return err
					}
					return s.UpdatePlan(v.ctx, p)
				})
				select {
				case <-done:
					return
				default:
				}
			}
		})
		for range 300 {
			a, err := s.AccessByDigest(v.ctx, k.Digest)
			v.ok(err)
			if len(a.Plans) != 1 {
				v.failf("%d plans: want 1", len(a.Plans))
			}
			if ahead := a.Key.Version - a.Plans[0].Version; ahead != 0 && ahead != 1 {
				v.failf("version %d of the key with version %d of the plan, which were never current together", a.Key.Version, a.Plans[0].Version)
			}
		}
		stop()
		v.fails(wrote)
	}),
}, {
	"access/copies", "An AccessReader returns nothing that it shares with a later result.",
	withAccess(func(v *visit, s directory) {
		v.ok(s.InsertKey(v.ctx, aKey(0)))
		v.ok(s.InsertPlan(v.ctx, aPlan(0)))
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		for range 2 {
			a, err := s.AccessByKey(v.ctx, aKey(0).ID)
			v.ok(err)
			v.equal("the key", a.Key, aKey(0))
			lists(v, "the links", a.Links, []usageplan.Link{aLink(0, 0)})
			lists(v, "the plans", a.Plans, []usageplan.Plan{aPlan(0)})
			a.Key.Tags["team"], a.Links[0].Quotas[0].Limit = "changed", 99
			a.Links[0].Throttles[0].Name, a.Plans[0].Throttles[0].Name = "changed", "changed"
			a.Plans[0].Quotas[0].Limit, a.Plans[0].Routes["GET /changed"] = 99, limiter.Limit{}
			changeClasses(a.Plans[0])
		}
	}),
}}

// keysOfHistory and plansOfHistory are the numbers of records in a random history.
const keysOfHistory, plansOfHistory = 4, 3

// changeAny makes one random change.
func changeAny(ctx context.Context, s directory, rnd *rand.Rand) error {
	if groups, ok := s.(usageplan.GroupStore); ok && rnd.IntN(3) == 0 {
		return changeAnyGroup(ctx, groups, rnd)
	}
	i, j := rnd.IntN(keysOfHistory), rnd.IntN(plansOfHistory)
	switch rnd.IntN(9) {
	case 0, 1:
		return s.InsertKey(ctx, aKey(i))
	case 2:
		return s.DeleteKey(ctx, aKey(i).ID)
	case 3:
		k, err := s.Key(ctx, aKey(i).ID)
		if err != nil {
			return err
		}
		k.Digest, k.Retiring = k.Retiring, k.Digest
		k.GroupID = groupID(rnd.IntN(groupsOfHistory + 1)) // the last one does not exist
		return s.UpdateKey(ctx, k)
	case 4:
		return s.InsertPlan(ctx, aPlan(j))
	case 5:
		return s.DeletePlan(ctx, aPlan(j).ID, 0)
	case 6, 7:
		return s.InsertLink(ctx, aLink(j, i))
	default:
		return s.DeleteLink(ctx, aPlan(j).ID, aKey(i).ID)
	}
}

// sameAccess compares an Access with what the single calls return for the key.
func (v *visit) sameAccess(s directory, what string, got usageplan.Access, err error, key apikey.Key, keyErr error) {
	if keyErr != nil {
		v.wants(keyErr, apikey.ErrNotFound)
		v.wants(err, apikey.ErrNotFound)
		return
	}
	v.ok(err)
	v.equal(what+": the key", got.Key, key)
	links, err := s.KeyLinks(v.ctx, key.ID)
	v.ok(err)
	lists(v, what+": the links", got.Links, links)
	groups := v.groupsAbove(s, key.GroupID)
	v.sameGroups(what+": the groups", got.Groups, groups)
	var ids []string
	for _, l := range links {
		ids = append(ids, l.PlanID)
	}
	for _, g := range groups {
		if g.PlanID != "" {
			ids = append(ids, g.PlanID)
		}
	}
	plans := map[string]usageplan.Plan{}
	for _, id := range ids {
		p, err := s.Plan(v.ctx, id)
		if errors.Is(err, usageplan.ErrNotFound) {
			continue
		}
		v.ok(err)
		plans[p.ID] = p
	}
	found := map[string]usageplan.Plan{}
	for _, p := range got.Plans {
		found[p.ID] = p
	}
	v.equal(fmt.Sprintf("%s: the plans", what), found, plans)
	v.equal(what+": number of plans", len(got.Plans), len(plans))
}
