package usageplan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/internal/pages"
)

// clash returns ErrClash if p and another plan of the key name the same API stage, or, if
// spare is false, if both are for every stage. It skips the plan with the ID except.
func (s *Service) clash(ctx context.Context, keyID string, p *Plan, except string, spare bool) error {
	links, err := s.KeyLinks(ctx, keyID)
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.PlanID == p.ID || l.PlanID == except {
			continue
		}
		other, err := s.plans.Plan(ctx, l.PlanID)
		if errors.Is(err, ErrNotFound) { // a dead link has no effect
			continue
		}
		if err != nil {
			return fmt.Errorf("usageplan: plan %s: %w", l.PlanID, err)
		}
		where := overlap(p, &other)
		if where == "" && !spare && p.everywhere() && other.everywhere() {
			where = "every stage"
		}
		if where != "" {
			return fmt.Errorf("usageplan: key %s has plan %s for %s: %w", keyID, l.PlanID, where, ErrClash)
		}
	}
	return nil
}

// overlap returns an API stage that both plans name, or "" if there is none.
func overlap(a, b *Plan) string {
	for _, s := range a.Stages {
		if slices.Contains(b.Stages, s) {
			return "stage " + s.String()
		}
	}
	return ""
}

// stagesFree returns ErrClash if p, which replaces old, clashes with another plan of one
// of its keys. Without a new stage it reads no links, because p cannot clash.
func (s *Service) stagesFree(ctx context.Context, p, old *Plan) error {
	more := slices.ContainsFunc(p.Stages, func(st Stage) bool { return !slices.Contains(old.Stages, st) })
	if !more {
		return nil
	}
	for page, err := range pages.All(func(cursor string) ([]Link, string, error) {
		return s.plans.PlanLinks(ctx, p.ID, cursor, pages.Size)
	}) {
		if err != nil {
			return fmt.Errorf("usageplan: links of plan %s: %w", p.ID, err)
		}
		for _, l := range page {
			if err := s.clash(ctx, l.KeyID, p, "", true); err != nil {
				return err
			}
		}
	}
	return nil
}
