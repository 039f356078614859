package memory

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// The directory is the keys (keys.go), the plans and the links (plans.go). Keys have one
// lock, plans and links another. Code that takes both takes that of the keys first.
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

// access reads a key with its links and plans. It holds both locks, so that all of them
// are of one instant.
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
		// A link may outlive its plan, since DeletePlan removes no links.
		if plan := s.plans.byID[link.record.PlanID]; plan != nil {
			a.Plans = append(a.Plans, plan.record.Clone())
		}
	}
	return a, nil
}

// OnChange implements usageplan.Notifier. It calls changed at once with "", and from then
// on before each method that changes something returns. The argument is the ID of the key
// or of the plan. For a link it is the ID of the link's key.
//
// Caution: changed may read the Store. It must not change the Store, subscribe, or call
// stop, which waits for the calls that are in progress.
func (s *Store) OnChange(changed func(id string)) (stop func()) { return s.listeners.Add(changed) }
