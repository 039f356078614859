package usageplan

import (
	"context"
	"errors"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/pages"
)

func (a *audit) allKeys(ctx context.Context) error {
	for keys, err := range pages.All(func(cursor string) ([]apikey.Key, string, error) {
		return a.keys.Keys(ctx, apikey.Filter{}, cursor, pages.Size)
	}) {
		if err != nil {
			return err
		}
		for i := range keys {
			if err := a.key(ctx, &keys[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// link adds what is to be reported of one link to a plan that exists.
func (a *audit) link(l *Link, p *Plan) {
	faults := append(l.faults(), a.units.faults(l.Throttles, l.Quotas)...)
	faults = append(faults, p.beside(l.Throttles, l.Quotas)...)
	a.check(InvalidRecord{PlanID: l.PlanID, KeyID: l.KeyID}, "link", faults)
}

// key adds what is to be reported of one key.
func (a *audit) key(ctx context.Context, k *apikey.Key) error {
	links, err := a.plans.KeyLinks(ctx, k.ID)
	if err != nil {
		return err
	}
	var plans []Plan
	for _, l := range links {
		p, err := a.plans.Plan(ctx, l.PlanID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil {
			a.DeadLinks = append(a.DeadLinks, l)
			continue
		}
		plans = append(plans, p)
		a.link(&l, &p)
	}
	above, err := a.verdict(ctx, k.GroupID)
	if err != nil {
		return err
	}

	admitted := slices.ContainsFunc(plans, func(p Plan) bool { return !p.Detached })
	if len(links) == 0 { // a dead link is one, too
		admitted = above == admits
	}
	switch {
	case above == refuses:
		a.KeysWithoutGroup = append(a.KeysWithoutGroup, k.ID)
	case k.Enabled && (!admitted || above == closes):
		a.KeysWithoutPlan = append(a.KeysWithoutPlan, k.ID)
	}
	if !k.Enabled && len(plans) > 0 {
		a.DisabledKeys = append(a.DisabledKeys, k.ID)
	}

	// AddLink and Update refuse two plans for one stage, but check before they write. Two
	// concurrent calls can each miss the other.
	for i := range plans {
		for j := range i {
			if overlap(&plans[i], &plans[j]) != "" || plans[i].everywhere() && plans[j].everywhere() {
				a.KeysWithManyPlans = append(a.KeysWithManyPlans, k.ID)
				return nil
			}
		}
	}
	return nil
}
