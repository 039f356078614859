package memory

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// The directory is the keys (keys.go), the plans and the links (plans.go), and the groups
// (groups.go). Keys have one lock. Plans, links and groups have another. Code that takes
// both takes that of the keys first.
//
// Records are cloned on the way in and on the way out, so that callers and the Store
// share no slices and maps. A change replaces a record as a whole and never writes into
// what the record refers to, so Save can copy records under a read lock without cloning
// them.

// AccessByDigest implements usageplan.AccessReader.
func (s *Store) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	return s.access(ctx, func(ks *keys) *item[apikey.Key] { return ks.byDigest[d] })
}

// AccessByKey implements usageplan.AccessReader.
func (s *Store) AccessByKey(ctx context.Context, keyID string) (usageplan.Access, error) {
	return s.access(ctx, func(ks *keys) *item[apikey.Key] { return ks.byID[keyID] })
}

// access reads a key with its links, its groups and their plans. It holds both locks, so
// that all of them are of one instant.
func (s *Store) access(ctx context.Context, find func(*keys) *item[apikey.Key]) (a usageplan.Access, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	s.keys.mu.RLock()
	defer s.keys.mu.RUnlock()
	s.plans.mu.RLock()
	defer s.plans.mu.RUnlock()

	if a.Key, err = cloneKey(find(&s.keys)); err != nil {
		return a, err
	}
	for _, link := range s.plans.ofKey[a.Key.ID] {
		a.Links = append(a.Links, link.record.Clone())
		s.plans.addTo(&a, link.record.PlanID)
	}
	a.Groups = s.plans.groups.lineage(a.Key.GroupID)
	for i := range a.Groups {
		if id := a.Groups[i].PlanID; id != "" {
			s.plans.addTo(&a, id)
		}
	}
	return a, nil
}

// addTo adds a plan to an Access, unless the plan is there already or does not exist: a
// link or a group may outlive its plan, since DeletePlan removes neither.
func (ps *plans) addTo(a *usageplan.Access, planID string) {
	if plan := ps.byID[planID]; plan != nil && a.Plan(planID) == nil {
		a.Plans = append(a.Plans, plan.record.Clone())
	}
}

// OnChange implements usageplan.Notifier. It calls changed at once with "", and from then
// on before each method that changes something returns. The argument is the ID of the
// key, the plan or the group. For a link it is the ID of the link's key.
//
// Caution: changed may read the Store. It must not change the Store, subscribe, or call
// stop, which waits for the calls that are in progress.
func (s *Store) OnChange(changed func(id string)) (stop func()) { return s.listeners.Add(changed) }
