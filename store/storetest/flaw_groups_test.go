package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"

	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// groupFlaws returns all flaws of groups.
func groupFlaws() []directoryFlaw[usageplan.Store] {
	return slices.Concat(
		storedGroupFlaws, alteredGroupFlaws, listedGroupFlaws, orderGroupFlaws, groupFilterFlaws, groupNotifyFlaws,
		durableGroupFlaws, groupAccessFlaws, groupAtOnceFlaws, groupsBesideFlaws,
	)
}

// allBelow returns the groups that a filter selects, newest first.
func allBelow(ctx context.Context, s base, f usageplan.GroupFilter) []usageplan.Group {
	groups, _, _ := s.Groups(ctx, f, "", 10_000)
	return groups
}

var storedGroupFlaws = []directoryFlaw[usageplan.Store]{
	groupFlaw("overwrites a group on insert", "groups/insert, groups/notify", func() oddGroups {
		return oddGroups{insert: func(s base, ctx context.Context, g usageplan.Group) error {
			_ = s.DeleteGroup(ctx, g.ID, 0)
			return s.InsertGroup(ctx, g)
		}}
	}),
	groupFlaw("refuses a group without its parent", "groups/insert", func() oddGroups {
		return oddGroups{insert: func(s base, ctx context.Context, g usageplan.Group) error {
			if _, err := s.Group(ctx, g.ParentID); g.ParentID != "" && errors.Is(err, usageplan.ErrNotFound) {
				return err
			}
			return s.InsertGroup(ctx, g)
		}}
	}),
	groupFlaw("deletes a group that does not exist", "groups/missing, groups/delete, groups/notify", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, version int64) error {
			if err := s.DeleteGroup(ctx, id, version); !errors.Is(err, usageplan.ErrNotFound) {
				return err
			}
			return nil
		}}
	}),
	groupFlaw("an update inserts a missing group", "groups/missing, groups/notify", func() oddGroups {
		return oddGroups{update: func(s base, ctx context.Context, g usageplan.Group) error {
			if err := s.UpdateGroup(ctx, g); !errors.Is(err, usageplan.ErrNotFound) {
				return err
			}
			return s.InsertGroup(ctx, g)
		}}
	}),
	groupFlaw("keeps the name that an update clears", "groups/update", func() oddGroups {
		return oddGroups{update: func(s base, ctx context.Context, g usageplan.Group) error {
			if old, err := s.Group(ctx, g.ID); err == nil && g.Name == "" {
				g.Name = old.Name
			}
			return s.UpdateGroup(ctx, g)
		}}
	}),
	groupFlaw("keeps the parent that an update clears", "groups/update, groups/filter-update", func() oddGroups {
		return oddGroups{update: func(s base, ctx context.Context, g usageplan.Group) error {
			if old, err := s.Group(ctx, g.ID); err == nil && g.ParentID == "" {
				g.ParentID = old.ParentID
			}
			return s.UpdateGroup(ctx, g)
		}}
	}),
	groupFlaw("shares the quotas of an inserted group", "groups/copies", func() oddGroups {
		shared := newMemo[string, []calendar.Quota]()
		return oddGroups{
			insert: func(s base, ctx context.Context, g usageplan.Group) error {
				err := s.InsertGroup(ctx, g)
				if err == nil {
					shared.set(g.ID, g.Quotas)
				}
				return err
			},
			read: func(s base, ctx context.Context, id string) (usageplan.Group, error) {
				g, err := s.Group(ctx, id)
				if err == nil && g.Version == 1 {
					g.Quotas = shared.of(id)
				}
				return g, err
			},
		}
	}),
	groupFlaw("shares a listed group", "groups/copies", func() oddGroups {
		listed := newMemo[usageplan.GroupFilter, usageplan.Group]()
		return oddGroups{list: func(s base, q groupQuery) ([]usageplan.Group, string, error) {
			groups, next, err := q.page(s)
			if len(groups) == 1 && q.f.PlanID == "" {
				if old := listed.of(q.f); old.ID == groups[0].ID && old.Version == groups[0].Version {
					groups[0] = old
				}
				listed.set(q.f, groups[0])
			}
			return groups, next, err
		}}
	}),
	groupFlaw("deletes the groups below a deleted one", "groups/delete", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, version int64) error {
			err := s.DeleteGroup(ctx, id, version)
			if err == nil {
				for _, g := range allBelow(ctx, s, usageplan.GroupFilter{ParentID: id}) {
					_ = s.DeleteGroup(ctx, g.ID, 0)
				}
			}
			return err
		}}
	}),
	groupFlaw("makes roots of the groups below a deleted one", "groups/delete", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, version int64) error {
			err := s.DeleteGroup(ctx, id, version)
			if err == nil {
				for _, g := range allBelow(ctx, s, usageplan.GroupFilter{ParentID: id}) {
					g.ParentID = ""
					_ = s.UpdateGroup(ctx, g)
				}
			}
			return err
		}}
	}),
	{"deletes the groups of a deleted plan", "groups/delete, groups/other-ids, access/groups-again", func() usageplan.Store { return takesGroups{newBase()} }},
	groupFlaw("the last writer of a group wins", "groups/version", func() oddGroups {
		return oddGroups{update: func(s base, ctx context.Context, g usageplan.Group) error {
			for {
				now, err := s.Group(ctx, g.ID)
				if err != nil {
					return err
				}
				g.Version = now.Version
				if err = s.UpdateGroup(ctx, g); !errors.Is(err, usageplan.ErrConflict) {
					return err
				}
			}
		}}
	}),
	groupFlaw("deletes a group that has changed", "groups/delete-version, groups/notify", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, _ int64) error { return s.DeleteGroup(ctx, id, 0) }}
	}),
	groupFlaw("deletes a group of an older version", "groups/delete-version, groups/notify", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, version int64) error {
			if g, err := s.Group(ctx, id); err == nil && version > 0 && version < g.Version {
				version = g.Version
			}
			return s.DeleteGroup(ctx, id, version)
		}}
	}),
	groupFlaw("ignores ctx when a group is updated", "groups/ctx", func() oddGroups {
		return oddGroups{update: func(s base, ctx context.Context, g usageplan.Group) error {
			return s.UpdateGroup(context.WithoutCancel(ctx), g)
		}}
	}),
	groupFlaw("ignores ctx in a filtered listing", "groups/ctx", func() oddGroups {
		return oddGroups{list: func(s base, q groupQuery) ([]usageplan.Group, string, error) {
			if q.f.ParentID != "" {
				q.ctx = context.WithoutCancel(q.ctx)
			}
			return q.page(s)
		}}
	}),
	groupFlaw("refuses concurrent inserts of groups", "groups/together", func() oddGroups {
		busy := rejectsConcurrent{busy: make(chan struct{}, 1)}
		return oddGroups{insert: func(s base, ctx context.Context, g usageplan.Group) error {
			if !busy.enter() {
				return errors.New("busy")
			}
			return s.InsertGroup(ctx, g)
		}}
	}),
	groupFlaw("an update of a group of version 0 matches every version", "groups/version-any", func() oddGroups {
		return oddGroups{update: func(s base, ctx context.Context, g usageplan.Group) error {
			if old, err := s.Group(ctx, g.ID); err == nil && g.Version == 0 {
				g.Version = old.Version
			}
			return s.UpdateGroup(ctx, g)
		}}
	}),
	groupFlaw("an update of a later version of a group succeeds", "groups/version-any, groups/again", func() oddGroups {
		return oddGroups{update: func(s base, ctx context.Context, g usageplan.Group) error {
			if old, err := s.Group(ctx, g.ID); err == nil && g.Version > old.Version {
				g.Version = old.Version
			}
			return s.UpdateGroup(ctx, g)
		}}
	}),
	groupFlaw("a new group keeps a version that is not 0", "groups/version-any", func() oddGroups {
		return oddGroups{insert: func(s base, ctx context.Context, g usageplan.Group) error {
			wanted := min(g.Version, 9)
			err := s.InsertGroup(ctx, g)
			for g.Version = 1; err == nil && g.Version < wanted; g.Version++ {
				err = s.UpdateGroup(ctx, g)
			}
			return err
		}}
	}),
	groupFlaw("remembers that a group was missed", "groups/again", func() oddGroups {
		missed := newMemo[string, bool]()
		return oddGroups{read: func(s base, ctx context.Context, id string) (usageplan.Group, error) {
			if missed.has(id) {
				return usageplan.Group{}, usageplan.ErrNotFound
			}
			g, err := s.Group(ctx, id)
			if errors.Is(err, usageplan.ErrNotFound) {
				missed.set(id, true)
			}
			return g, err
		}}
	}),
	groupFlaw("remembers a deleted group", "groups/again, groups/notify, access/groups-again", func() oddGroups {
		known := newMemo[string, usageplan.Group]()
		return oddGroups{
			read: func(s base, ctx context.Context, id string) (usageplan.Group, error) {
				g, err := s.Group(ctx, id)
				if err == nil {
					known.set(id, g.Clone())
				} else if known.has(id) && errors.Is(err, usageplan.ErrNotFound) {
					return known.of(id).Clone(), nil
				}
				return g, err
			},
		}
	}),
	groupFlaw("a group that is inserted again goes on with its versions", "groups/again", func() oddGroups {
		last := newMemo[string, int64]()
		return oddGroups{
			insert: func(s base, ctx context.Context, g usageplan.Group) error {
				err := s.InsertGroup(ctx, g)
				for g.Version = 1; err == nil && g.Version <= last.of(g.ID); g.Version++ {
					err = s.UpdateGroup(ctx, g)
				}
				return err
			},
			remove: func(s base, ctx context.Context, id string, version int64) error {
				g, _ := s.Group(ctx, id)
				err := s.DeleteGroup(ctx, id, version)
				if err == nil {
					last.set(id, g.Version)
				}
				return err
			},
		}
	}),
	aliasedGroups("IDs of groups without regard to case", strings.ToLower),
	aliasedGroups("IDs of groups as numbers", asNumber),
	aliasedGroups("IDs of groups of 63 bytes", func(id string) string { return cutTo(id, 63) }),
}

// takesGroups deletes the groups of a deleted plan.
type takesGroups struct{ base }

func (s takesGroups) DeletePlan(ctx context.Context, id string, version int64) error {
	err := s.base.DeletePlan(ctx, id, version)
	if err == nil {
		for _, g := range allBelow(ctx, s.base, usageplan.GroupFilter{PlanID: id}) {
			_ = s.DeleteGroup(ctx, g.ID, 0)
		}
	}
	return err
}

// aliasedGroups reads some IDs of groups as the same one.
func aliasedGroups(name string, fold func(string) string) directoryFlaw[usageplan.Store] {
	return groupFlaw(name, "groups/ids", func() oddGroups {
		ids := newAliases(fold)
		return oddGroups{
			insert: func(s base, ctx context.Context, g usageplan.Group) error {
				g.ID = ids.add(g.ID)
				return s.InsertGroup(ctx, g)
			},
			read: func(s base, ctx context.Context, id string) (usageplan.Group, error) { return s.Group(ctx, ids.of(id)) },
		}
	})
}
