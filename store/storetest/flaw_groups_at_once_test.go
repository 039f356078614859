package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/ration-go/ration/usageplan"
)

var groupAtOnceFlaws = []directoryFlaw[usageplan.Store]{
	groupFlaw("looks for an ID before it inserts the group", "at-once/group-id", func() oddGroups {
		return oddGroups{insert: func(s base, ctx context.Context, g usageplan.Group) error {
			if _, err := s.Group(ctx, g.ID); err == nil {
				return usageplan.ErrExists
			}
			wait()
			_ = s.DeleteGroup(ctx, g.ID, 0)
			return s.InsertGroup(ctx, g)
		}}
	}),
	groupFlaw("rewrites the list of the groups below one", "at-once/groups", func() oddGroups {
		lost := newMemo[string, bool]()
		return oddGroups{
			insert: func(s base, ctx context.Context, g usageplan.Group) error {
				under := usageplan.GroupFilter{ParentID: g.ParentID}
				before := groupIDs(allBelow(ctx, s, under))
				wait()
				if err := s.InsertGroup(ctx, g); err != nil {
					return err
				}
				for _, o := range allBelow(ctx, s, under) {
					if o.ID != g.ID && !slices.Contains(before, o.ID) {
						lost.set(o.ID, true)
					}
				}
				return nil
			},
			list: selecting(func(_ base, f usageplan.GroupFilter, g usageplan.Group) bool {
				return f.Passes(&g) && !(f.ParentID != "" && lost.has(g.ID))
			}),
		}
	}),
	groupFlaw("a group that many move is below two parents", "at-once/group-move", func() oddGroups {
		also := newMemo[string, string]()
		return oddGroups{
			update: func(s base, ctx context.Context, g usageplan.Group) error {
				old, _ := s.Group(ctx, g.ID)
				wait()
				err := s.UpdateGroup(ctx, g)
				if errors.Is(err, usageplan.ErrConflict) && old.Version == g.Version {
					also.set(g.ParentID, g.ID) // lost the race, with its index written
				}
				return err
			},
			list: func(s base, q groupQuery) ([]usageplan.Group, string, error) {
				groups, next, err := q.page(s)
				if err == nil && q.cursor == "" && len(groups) == 0 && q.f.PlanID == "" && also.has(q.f.ParentID) {
					g, err := s.Group(q.ctx, also.of(q.f.ParentID))
					return append(groups, g), next, err
				}
				return groups, next, err
			},
		}
	}),
	groupFlaw("two callers delete one group", "at-once/group-delete", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, version int64) error {
			if _, err := s.Group(ctx, id); err != nil {
				return err
			}
			wait()
			if err := s.DeleteGroup(ctx, id, version); !errors.Is(err, usageplan.ErrNotFound) {
				return err
			}
			return nil
		}}
	}),
	groupFlaw("an update brings a deleted group back", "at-once/group-gone", func() oddGroups {
		return oddGroups{update: func(s base, ctx context.Context, g usageplan.Group) error {
			if _, err := s.Group(ctx, g.ID); err != nil {
				return err
			}
			wait()
			err := s.UpdateGroup(ctx, g)
			if errors.Is(err, usageplan.ErrNotFound) {
				return s.InsertGroup(ctx, g)
			}
			return err
		}}
	}),
	{"an update deletes the row of a group and inserts it again", "at-once/group-look-up", func() usageplan.Store {
		return hiding(func(gone *overlay[bool], s oddGroups) oddGroups {
			s.read = func(s base, ctx context.Context, id string) (usageplan.Group, error) {
				if gone.has(id) {
					return usageplan.Group{}, usageplan.ErrNotFound
				}
				return s.Group(ctx, id)
			}
			return s
		})
	}},
	{"an update writes one field of a group after the other", "at-once/group-look-up", func() usageplan.Store {
		return hiding(func(gone *overlay[bool], s oddGroups) oddGroups {
			s.read = func(s base, ctx context.Context, id string) (usageplan.Group, error) {
				g, err := s.Group(ctx, id)
				if gone.has(id) {
					g.Name += " changed"
				}
				return g, err
			}
			return s
		})
	}},
	{"a listing misses the group that is updated", "at-once/group-list", func() usageplan.Store {
		return hiding(func(gone *overlay[bool], s oddGroups) oddGroups {
			s.list = selecting(func(_ base, f usageplan.GroupFilter, g usageplan.Group) bool { return f.Passes(&g) && !gone.has(g.ID) })
			return s
		})
	}},
	{"a listing by plan misses the group that is updated", "at-once/group-list", func() usageplan.Store {
		return hiding(func(gone *overlay[bool], s oddGroups) oddGroups {
			s.list = selecting(func(_ base, f usageplan.GroupFilter, g usageplan.Group) bool {
				return f.Passes(&g) && !(f.PlanID != "" && gone.has(g.ID))
			})
			return s
		})
	}},
	groupFlaw("reads the index of groups, and the rows later", "at-once/group-moves", func() oddGroups {
		return oddGroups{
			update: func(s base, ctx context.Context, g usageplan.Group) error {
				wait()
				return s.UpdateGroup(ctx, g)
			},
			list: func(s base, q groupQuery) ([]usageplan.Group, string, error) {
				groups, next, err := q.page(s)
				wait()
				for i := range groups {
					if now, err := s.Group(q.ctx, groups[i].ID); err == nil {
						groups[i] = now
					}
				}
				return groups, next, err
			},
		}
	}),
	groupFlaw("cursors of groups are offsets, while groups change", "at-once/group-pages, groups/list, groups/meanwhile, groups/removed, groups/deleted", func() oddGroups {
		return oddGroups{
			insert: func(s base, ctx context.Context, g usageplan.Group) error {
				wait()
				return s.InsertGroup(ctx, g)
			},
			list: func(s base, q groupQuery) ([]usageplan.Group, string, error) {
				wait()
				return byOffset(s, q)
			},
		}
	}),
	groupFlaw("an insert of a group that ctx ends leaves it out of the listings", "at-once/group-ctx", func() oddGroups {
		half := newMemo[string, bool]()
		return oddGroups{
			insert: func(s base, ctx context.Context, g usageplan.Group) error {
				if err := s.InsertGroup(ctx, g); err != nil || ctx.Err() == nil {
					return err
				}
				half.set(g.ID, true)
				return ctx.Err()
			},
			list: selecting(func(_ base, f usageplan.GroupFilter, g usageplan.Group) bool {
				return f.Passes(&g) && !(f.ParentID != "" && half.has(g.ID))
			}),
		}
	}),
	groupFlaw("an update of a group that ctx ends stays in the old listing", "at-once/group-ctx", func() oddGroups {
		half := newMemo[string, usageplan.Group]()
		return oddGroups{
			update: func(s base, ctx context.Context, g usageplan.Group) error {
				old, _ := s.Group(kept(ctx), g.ID)
				if err := s.UpdateGroup(ctx, g); err != nil || ctx.Err() == nil {
					return err
				}
				half.set(g.ID, old)
				return ctx.Err()
			},
			list: selecting(func(_ base, f usageplan.GroupFilter, g usageplan.Group) bool {
				if f.ParentID != "" && half.has(g.ID) {
					g.ParentID = half.of(g.ID).ParentID
				}
				return f.Passes(&g)
			}),
		}
	}),
	groupFlaw("a deletion of a group that ctx ends reports success", "at-once/group-ctx", func() oddGroups {
		return oddGroups{remove: func(s base, ctx context.Context, id string, version int64) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return nil
			}
			return s.DeleteGroup(ctx, id, version)
		}}
	}),
}

// hiding returns a directory that marks a group for a moment before it is updated. The
// function sets what the mark does.
func hiding(set func(gone *overlay[bool], s oddGroups) oddGroups) usageplan.Store {
	gone := new(overlay[bool])
	return set(gone, oddGroups{base: newBase(), update: func(s base, ctx context.Context, g usageplan.Group) error {
		gone.set(g.ID, true)
		wait()
		gone.unset(g.ID)
		return s.UpdateGroup(ctx, g)
	}})
}
