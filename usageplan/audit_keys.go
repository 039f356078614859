package usageplan

import (
	"context"
	"errors"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/pages"
)

// auditKeys adds to the report what is wrong with all keys and their links, and notes the
// groups that have keys.
func (a *audit) auditKeys(ctx context.Context) error {
	for keys, err := range pages.All(func(cursor string) ([]apikey.Key, string, error) {
		return a.keys.Keys(ctx, apikey.Filter{}, cursor, pages.Size)
	}) {
		if err != nil {
			return err
		}
		for i := range keys {
			if err := a.auditKey(ctx, &keys[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// auditLink adds to the report what is wrong with a link to a plan that exists.
func (a *audit) auditLink(l *Link, p *Plan) {
	faults := append(l.faults(), a.units.faults(l.Throttles, l.Quotas)...)
	faults = append(faults, p.overrideFaults(l.Throttles, l.Quotas)...)
	a.reportInvalid(InvalidRecord{PlanID: l.PlanID, KeyID: l.KeyID}, "link", faults)
}

// auditKey adds to the report what is wrong with a key and its links.
func (a *audit) auditKey(ctx context.Context, k *apikey.Key) error {
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
		a.auditLink(&l, &p)
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

	if anyOverlap(plans) {
		a.KeysWithManyPlans = append(a.KeysWithManyPlans, k.ID)
	}
	return nil
}

// anyOverlap reports whether two of the plans are for the same stage, or for every stage.
// AddLink and Update refuse such plans for a key, but check before they write. So two
// concurrent calls can each miss the other.
func anyOverlap(plans []Plan) bool {
	for i := range plans {
		for j := range i {
			if overlap(&plans[i], &plans[j]) != "" || plans[i].everywhere() && plans[j].everywhere() {
				return true
			}
		}
	}
	return false
}
