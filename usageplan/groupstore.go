package usageplan

import (
	"context"
	"errors"
	"fmt"
)

// ErrInUse means that a group or a plan cannot be deleted, because a key or a group
// refers to it. Groups and a Service return it.
var ErrInUse = errors.New("usageplan: in use")

// ErrNoGroups means that a store keeps no groups: it is not a GroupStore.
var ErrNoGroups = errors.New("usageplan: the store keeps no groups")

// A GroupFilter selects the groups of a listing. The zero GroupFilter selects every
// group.
type GroupFilter struct {
	ParentID string // if not empty, the groups directly below this one
	PlanID   string // if not empty, the groups that have this plan
}

// Passes reports whether f selects g. It is for stores.
func (f GroupFilter) Passes(g *Group) bool {
	return (f.ParentID == "" || f.ParentID == g.ParentID) && (f.PlanID == "" || f.PlanID == g.PlanID)
}

// A GroupStore is an optional interface of a Store that keeps groups, too. Without it no
// key can be in a group: a Gate refuses a key with a GroupID.
//
// The promises of a Store hold for a GroupStore as well. A Notifier that keeps groups
// tells of their changes, too.
type GroupStore interface {
	// InsertGroup adds a group with Version 1. It returns ErrExists if the ID is taken. It
	// does not check that the parent and the plan exist.
	InsertGroup(ctx context.Context, g Group) error

	// Group returns the group with an ID, or ErrNotFound.
	Group(ctx context.Context, id string) (Group, error)

	// UpdateGroup replaces the stored group that has the ID of g, as UpdatePlan replaces a
	// plan.
	UpdateGroup(ctx context.Context, g Group) error

	// DeleteGroup removes the group with an ID, as DeletePlan removes a plan. Groups and
	// keys that refer to it stay as they are.
	DeleteGroup(ctx context.Context, id string, version int64) error

	// Groups returns a page of a listing, newest first, as Plans returns a page of plans.
	// The work for a page is bounded. So a page of a filtered listing may have few groups,
	// or none, and still have a next cursor. A group that exists throughout a listing is in
	// it exactly once, also if other groups are inserted, changed or deleted meanwhile.
	Groups(ctx context.Context, f GroupFilter, cursor string, limit int) (groups []Group, next string, err error)
}

// Lineage returns the group with an ID and the groups above it, from the bottom to the
// root.
//
// The error wraps ErrNotFound if one of them does not exist, and ErrInvalid if there are
// more than MaxGroups, as in a cycle. Only concurrent changes or another program can
// cause either.
func Lineage(ctx context.Context, groups GroupStore, id string) ([]Group, error) {
	var all []Group
	for id != "" {
		if len(all) == MaxGroups {
			return nil, fmt.Errorf("%w group %s: more than %d groups up to the root", ErrInvalid, all[0].ID, MaxGroups)
		}
		g, err := groups.Group(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("usageplan: group %s: %w", id, err)
		}
		all = append(all, g)
		id = g.ParentID
	}
	return all, nil
}
