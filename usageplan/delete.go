package usageplan

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/pages"
	"github.com/ration-go/ration/internal/retry"
)

// Delete removes a plan and then its links. After Delete returns, keys that were linked
// only to this plan have no plan. The counts stay in the Counter until they are old.
//
// Caution: a key in a group that has lost its last link is admitted by the limits of its
// groups, if one of them has a plan.
//
// Delete refuses a plan that a group has, before anything is removed. It cannot exclude
// that a group gets the plan at the same time. A Gate refuses the keys of such a group,
// and Audit reports it.
//
// The History is told of the plan. It is not told of each link, since they may be many.
//
// Errors: ErrNotFound; ErrInUse, whose text names the group; and ErrConflict if others
// changed the plan 16 times in a row. With any other error, the plan may be gone while
// some of its links are left. Prune removes these.
func (s *Service) Delete(ctx context.Context, id string) error {
	return s.DeleteIf(ctx, id, func(*Plan) error { return nil })
}

// noGroupHas returns ErrInUse if a group has a plan that exists.
func (s *Service) noGroupHas(ctx context.Context, planID string) error {
	groups, ok := s.plans.(GroupStore)
	if !ok {
		return nil
	}
	id, err := firstGroup(ctx, groups, GroupFilter{PlanID: planID})
	if id == "" || err != nil {
		return err
	}
	if _, err := s.Get(ctx, planID); err != nil {
		return err
	}
	return fmt.Errorf("usageplan: delete plan %s: group %s has it: %w", planID, id, ErrInUse)
}

// DeleteIf deletes a plan only if may returns nil for it. If others change the plan at
// the same time, DeleteIf calls may again with the new state. If may returns an error,
// DeleteIf removes nothing and returns that error.
//
// Errors: those of may and Delete, and ErrConflict if others were faster 16 times in a
// row.
func (s *Service) DeleteIf(ctx context.Context, id string, may func(*Plan) error) error {
	var p Plan
	err := retry.Do(ctx, func() (raced bool, err error) {
		if p, err = s.Get(ctx, id); err != nil {
			return false, err
		}
		if err := may(&p); err != nil {
			return false, err
		}
		if err := s.noGroupHas(ctx, id); err != nil {
			return false, err
		}

		// The store checks the Version, so that no change is lost that may has not seen, such
		// as a stage that is added at this moment.
		return written("delete plan "+id, s.plans.DeletePlan(ctx, id, p.Version))
	})
	if err != nil {
		return err
	}
	s.history.plan(ctx, history.Delete, &p, nil)
	return s.unlinkAll(ctx, id)
}

// unlinkAll removes the links of a plan that was deleted, page by page. A store does not
// do this itself, because no call of a store may take work that grows with the number of
// keys.
func (s *Service) unlinkAll(ctx context.Context, id string) error {
	for links, err := range pages.All(func(cursor string) ([]Link, string, error) {
		return s.plans.PlanLinks(ctx, id, cursor, pages.Size)
	}) {
		if err == nil {
			err = s.removeLinks(ctx, links, func(*Link) {})
		}
		if err != nil {
			return fmt.Errorf("usageplan: delete links of plan %s: %w", id, err)
		}
	}
	return nil
}
