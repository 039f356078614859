package usageplan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/pages"
)

// An AuditReport lists keys, plans and links that an operator may want to correct. IDs
// are in the order of the listings, newest first.
type AuditReport struct {
	// KeysWithoutPlan lists enabled keys that no plan admits. A detached plan admits no key.
	KeysWithoutPlan []string

	// DisabledKeys lists disabled keys that are linked to a plan.
	DisabledKeys []string

	// PlansWithoutKeys lists plans that no existing key is linked to.
	PlansWithoutKeys []string

	// DeadLinks lists links whose key or plan does not exist. A link that has lost both is
	// in no listing, and so not in the report.
	DeadLinks []Link

	// KeysWithManyPlans lists keys with two plans for every stage, or with two plans for the
	// same stage, which only concurrent changes can cause. The plan with the older link
	// counts.
	KeysWithManyPlans []string
}

// Audit reads all keys, plans and links, and reports what may need a correction. It
// changes nothing.
func (s *Service) Audit(ctx context.Context) (AuditReport, error) {
	var a AuditReport
	for keys, err := range pages.All(func(cursor string) ([]apikey.Key, string, error) {
		return s.keys.Keys(ctx, apikey.Filter{}, cursor, pages.Size)
	}) {
		if err != nil {
			return AuditReport{}, fmt.Errorf("usageplan: audit: %w", err)
		}
		for i := range keys {
			if err := s.auditKey(ctx, &keys[i], &a); err != nil {
				return AuditReport{}, fmt.Errorf("usageplan: audit: %w", err)
			}
		}
	}
	for p, err := range s.All(ctx) {
		if err == nil {
			err = s.auditPlan(ctx, p.ID, &a)
		}
		if err != nil {
			return AuditReport{}, fmt.Errorf("usageplan: audit: %w", err)
		}
	}
	return a, nil
}

// Prune removes the dead links that Audit finds. It returns their number.
func (s *Service) Prune(ctx context.Context) (int, error) {
	a, err := s.Audit(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.removeLinks(ctx, a.DeadLinks); err != nil {
		return 0, fmt.Errorf("usageplan: prune: %w", err)
	}
	return len(a.DeadLinks), nil
}

// auditKey adds to a what is to be reported of one key.
func (s *Service) auditKey(ctx context.Context, k *apikey.Key, a *AuditReport) error {
	links, err := s.plans.KeyLinks(ctx, k.ID)
	if err != nil {
		return err
	}
	var plans []Plan
	for _, l := range links {
		p, err := s.plans.Plan(ctx, l.PlanID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil {
			a.DeadLinks = append(a.DeadLinks, l)
			continue
		}
		plans = append(plans, p)
	}

	switch {
	case k.Enabled && !slices.ContainsFunc(plans, func(p Plan) bool { return !p.Detached }):
		a.KeysWithoutPlan = append(a.KeysWithoutPlan, k.ID)
	case !k.Enabled && len(plans) > 0:
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

// auditPlan adds to a what is to be reported of one plan. It finds the links whose key is
// missing, which auditKey cannot reach.
func (s *Service) auditPlan(ctx context.Context, id string, a *AuditReport) error {
	live := 0 // links whose key exists
	for links, err := range pages.All(func(cursor string) ([]Link, string, error) {
		return s.plans.PlanLinks(ctx, id, cursor, pages.Size)
	}) {
		if err != nil {
			return err
		}
		for _, l := range links {
			switch _, err := s.keys.Key(ctx, l.KeyID); {
			case err == nil:
				live++
			case errors.Is(err, apikey.ErrNotFound):
				a.DeadLinks = append(a.DeadLinks, l)
			default:
				return err
			}
		}
	}
	if live == 0 {
		a.PlansWithoutKeys = append(a.PlansWithoutKeys, id)
	}
	return nil
}
