package usageplan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/retry"
	"github.com/ration-go/ration/store"
)

// Groups manages groups, and moves keys between them. It validates groups, generates IDs,
// and refuses cycles, families that are too deep, and the deletion of a group in use.
// Call NewGroups to make one.
//
// Groups keeps no state and is safe for concurrent use. If several callers change a group
// at the same time, no change is lost.
//
// Config.History is told of changes that were made, as that of a Service is.
type Groups struct {
	keys    apikey.Store
	plans   Store
	groups  GroupStore // plans
	counter store.Counter
	units   Units
	history recorder
}

// NewGroups returns Groups on a store of keys, a store of plans and groups, and the
// counter of the Gate. One type, such as store/memory, may be all three. The error
// reports every fault at once and wraps ErrInvalid. It also wraps ErrNoGroups if plans is
// not a GroupStore.
func NewGroups(keys apikey.Store, plans Store, counter store.Counter, cfg Config) (*Groups, error) {
	noPlans := nilcheck.Required("plans", plans, "a usageplan.GroupStore")
	groups, ok := plans.(GroupStore)
	if noPlans == nil && !ok {
		noPlans = fmt.Errorf("plans: %T: want a usageplan.GroupStore: %w", plans, ErrNoGroups)
	}
	err := fault.Report(ErrInvalid, "groups", nilcheck.Required("keys", keys, "an apikey.Store"), noPlans,
		nilcheck.Required("counter", counter, "a store.Counter"), fault.In("", cfg.validate()))
	if err != nil {
		return nil, err
	}
	return &Groups{keys: keys, plans: plans, groups: groups, counter: counter, units: slices.Clone(cfg.Units), history: recorder{cfg.History}}, nil
}

// Create creates a group and returns it. An empty ID is replaced by ten random lower-case
// letters and digits. Create sets Created, Updated and Version, and ignores those of g.
//
// The group above may be moved deeper, or be deleted, while Create runs. So Create looks
// at the groups above again after it has written. If they no longer allow the group,
// Create removes it and starts again.
//
// Caution: the ID of a deleted group is free again. A new group with the ID finds what
// the old one has used, if it is in the same family.
//
// Errors: ErrInvalid with every fault, if the overrides do not fit beside the other
// limits of the plan, and if there would be more than MaxGroups groups up to the root;
// ErrNotFound if the parent, a group above it or the plan does not exist; ErrExists for
// an ID that is taken; and ErrConflict if others were faster 16 times in a row.
func (s *Groups) Create(ctx context.Context, g Group) (Group, error) {
	g.Created = now()
	g.Updated = g.Created
	g.Version = 1
	if g.ID == "" {
		g.ID = newID()
	}
	if err := invalid("group", append(g.faults(), s.units.faults(g.Throttles, g.Quotas)...)); err != nil {
		return Group{}, err
	}

	// A service may create its groups at every start. It wants to hear that the group is
	// there already, whatever became of the group's parent and plan since.
	switch _, err := s.Get(ctx, g.ID); {
	case err == nil:
		return Group{}, fmt.Errorf("usageplan: create group %s: %w", g.ID, ErrExists)
	case !errors.Is(err, ErrNotFound):
		return Group{}, err
	}
	if err := s.checkOverrides(ctx, &g); err != nil {
		return Group{}, err
	}
	err := retry.Do(ctx, func() (raced bool, err error) {
		if err := s.checkPlace(ctx, &g, ""); err != nil {
			return false, err
		}
		if err := s.groups.InsertGroup(ctx, g); err != nil {
			return false, fmt.Errorf("usageplan: create group %s: %w", g.ID, err)
		}
		return s.checkWritten(ctx, &g, "", func() error { return s.groups.DeleteGroup(ctx, g.ID, g.Version) })
	})
	if err != nil {
		return Group{}, err
	}
	s.history.group(ctx, history.Create, nil, &g)
	return g, nil
}

// checkOverrides returns ErrNotFound if the plan of g does not exist, and ErrInvalid if
// the overrides of g do not fit beside its limits.
func (s *Groups) checkOverrides(ctx context.Context, g *Group) error {
	if g.PlanID == "" {
		return nil
	}
	p, err := s.plans.Plan(ctx, g.PlanID)
	if err != nil {
		return fmt.Errorf("usageplan: plan %s of group %s: %w", g.PlanID, g.ID, err)
	}
	return g.overridesError(&p)
}
