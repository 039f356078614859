package memory

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// AccessByDigest implements usageplan.AccessReader.
func (s *Store) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	return s.accessOf(ctx, func(ks *keys) *item[apikey.Key] { return ks.byDigest[d] })
}

// AccessByKey implements usageplan.AccessReader.
func (s *Store) AccessByKey(ctx context.Context, keyID string) (usageplan.Access, error) {
	return s.accessOf(ctx, func(ks *keys) *item[apikey.Key] { return ks.byID[keyID] })
}

// accessOf reads under both locks, since a change takes one of them. Save takes them in
// this order, too.
func (s *Store) accessOf(ctx context.Context, find func(*keys) *item[apikey.Key]) (a usageplan.Access, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	s.keys.mu.RLock()
	defer s.keys.mu.RUnlock()
	s.plans.mu.RLock()
	defer s.plans.mu.RUnlock()
	if a.Key, err = found(find(&s.keys)); err != nil {
		return a, err
	}
	for _, link := range s.plans.ofKey[a.Key.ID] {
		a.Links = append(a.Links, link.record.Clone())
		if plan := s.plans.byID[link.record.PlanID]; plan != nil {
			a.Plans = append(a.Plans, plan.record.Clone())
		}
	}
	return a, nil
}

// OnChange implements usageplan.Notifier: changed is called before the changing method
// returns, with the id of the key or the plan, for a link with its key's; and now, with
// "". It may read the Store, but must not change it, nor subscribe, nor call stop, which
// waits for the calls that are under way.
func (s *Store) OnChange(changed func(id string)) (stop func()) { return s.listeners.Add(changed) }
