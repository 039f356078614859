package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ration-go/ration/usageplan"
)

// byOffset returns a page by its offset in the listing.
func byOffset(s base, q groupQuery) ([]usageplan.Group, string, error) {
	all, _, err := s.Groups(q.ctx, q.f, "", 10_000)
	if err != nil {
		return nil, "", err
	}
	return offset(all, q.cursor, q.limit, usageplan.ErrInvalid)
}

func byFilteredOffset(s base, q groupQuery) ([]usageplan.Group, string, error) {
	if q.f == (usageplan.GroupFilter{}) {
		return q.page(s)
	}
	return byOffset(s, q)
}

// listFlaw is a flaw of a listing of groups.
func listFlaw(name, caught string, list groupList) directoryFlaw[usageplan.Store] {
	return groupFlaw(name, caught, func() oddGroups { return oddGroups{list: list} })
}

var listedGroupFlaws = []directoryFlaw[usageplan.Store]{
	listFlaw("lists the oldest groups first", "groups/list", func(s base, q groupQuery) ([]usageplan.Group, string, error) {
		groups, next, err := q.page(s)
		slices.Reverse(groups)
		return groups, next, err
	}),
	listFlaw("returns one group more than the limit", "groups/list", func(s base, q groupQuery) ([]usageplan.Group, string, error) {
		return s.Groups(q.ctx, q.f, q.cursor, q.limit+1)
	}),
	listFlaw("starts over at a bad cursor of groups", "groups/cursor", func(s base, q groupQuery) ([]usageplan.Group, string, error) {
		groups, next, err := q.page(s)
		if errors.Is(err, usageplan.ErrInvalid) {
			return s.Groups(q.ctx, q.f, "", q.limit)
		}
		return groups, next, err
	}),
	listFlaw("a filtered listing ends at a bad cursor", "groups/cursor", func(s base, q groupQuery) ([]usageplan.Group, string, error) {
		groups, next, err := q.page(s)
		if errors.Is(err, usageplan.ErrInvalid) && q.f.PlanID != "" {
			return nil, "", nil
		}
		return groups, next, err
	}),
	listFlaw("cursors of groups are offsets", "groups/list, groups/meanwhile, groups/removed, groups/deleted", byOffset),
	listFlaw("cursors of filtered groups are offsets", "groups/meanwhile, groups/removed, groups/deleted", byFilteredOffset),
	listFlaw("asks for one group more than the greatest limit", "groups/limit", func(s base, q groupQuery) ([]usageplan.Group, string, error) {
		if q.limit+1 < 0 {
			return nil, "", errLimit
		}
		return q.page(s)
	}),
	groupFlaw("one listing of groups at a time", "groups/several", func() oddGroups {
		at := ""
		return oddGroups{list: func(s base, q groupQuery) ([]usageplan.Group, string, error) {
			_, _, err := q.page(s)
			if q.cursor != "" && at != "" && err == nil {
				q.cursor = at
			}
			groups, next, err := q.page(s)
			at = next
			return groups, next, err
		}}
	}),
}

var groupFilterFlaws = []directoryFlaw[usageplan.Store]{
	listFlaw("ignores the plan of a filter", "groups/filter", func(s base, q groupQuery) ([]usageplan.Group, string, error) {
		return s.Groups(q.ctx, usageplan.GroupFilter{ParentID: q.f.ParentID}, q.cursor, q.limit)
	}),
	listFlaw("ignores the plan of a filter that has a parent", "groups/filter", func(s base, q groupQuery) ([]usageplan.Group, string, error) {
		if q.f.ParentID != "" {
			q.f.PlanID = ""
		}
		return q.page(s)
	}),
	listFlaw("selects groups with the parent or the plan", "groups/filter", selecting(func(_ base, f usageplan.GroupFilter, g usageplan.Group) bool {
		return f == (usageplan.GroupFilter{}) || f.ParentID != "" && f.ParentID == g.ParentID || f.PlanID != "" && f.PlanID == g.PlanID
	})),
	listFlaw("selects groups anywhere below the parent", "groups/filter", selecting(func(s base, f usageplan.GroupFilter, g usageplan.Group) bool {
		for range usageplan.MaxGroups {
			if f.Passes(&usageplan.Group{ParentID: g.ParentID, PlanID: f.PlanID}) {
				return true
			}
			above, err := s.Group(context.Background(), g.ParentID)
			if err != nil {
				return false
			}
			g.ParentID = above.ParentID
		}
		return false
	})),
	listFlaw("a filtered listing ends at a page that has none", "groups/filter", func(s base, q groupQuery) ([]usageplan.Group, string, error) {
		groups, next, err := s.Groups(q.ctx, usageplan.GroupFilter{}, q.cursor, q.limit)
		groups = slices.DeleteFunc(groups, func(g usageplan.Group) bool { return !q.f.Passes(&g) })
		if len(groups) == 0 {
			next = ""
		}
		return groups, next, err
	}),
	listFlaw("compares the IDs of a filter without regard to case", "groups/filter-ids", selecting(func(_ base, f usageplan.GroupFilter, g usageplan.Group) bool {
		return (f.ParentID == "" || strings.EqualFold(f.ParentID, g.ParentID)) && (f.PlanID == "" || f.PlanID == g.PlanID)
	})),
	listFlaw("takes the IDs of a filter for their beginnings", "groups/filter-ids", selecting(func(_ base, f usageplan.GroupFilter, g usageplan.Group) bool {
		return strings.HasPrefix(g.PlanID, f.PlanID) && (f.ParentID == "" || f.ParentID == g.ParentID)
	})),
	groupFlaw("finds a group by its first parent", "groups/filter-update, groups/again", func() oddGroups { return indexed(false, true) }),
	groupFlaw("finds a group by its first plan", "groups/filter-update", func() oddGroups { return indexed(true, false) }),
	groupFlaw("an update that conflicts changes the index", "groups/filter-update", func() oddGroups {
		lost := newMemo[string, string]()
		return oddGroups{
			update: func(s base, ctx context.Context, g usageplan.Group) error {
				err := s.UpdateGroup(ctx, g)
				if errors.Is(err, usageplan.ErrConflict) && g.ParentID != "" {
					lost.set(g.ParentID, g.ID)
				}
				return err
			},
			list: func(s base, q groupQuery) ([]usageplan.Group, string, error) {
				groups, next, err := q.page(s)
				if q.cursor == "" && err == nil && len(groups) == 0 && lost.has(q.f.ParentID) {
					g, err := s.Group(q.ctx, lost.of(q.f.ParentID))
					return append(groups, g), next, err
				}
				return groups, next, err
			},
		}
	}),
}

// selecting lists the groups that a function selects.
func selecting(selects func(s base, f usageplan.GroupFilter, g usageplan.Group) bool) groupList {
	return func(s base, q groupQuery) ([]usageplan.Group, string, error) {
		groups, next, err := s.Groups(q.ctx, usageplan.GroupFilter{}, q.cursor, q.limit)
		return slices.DeleteFunc(groups, func(g usageplan.Group) bool { return !selects(s, q.f, g) }), next, err
	}
}

// indexed finds groups in an index that an update does not change: by their parents, by
// their plans, or both.
func indexed(parents, plans bool) oddGroups {
	first := newMemo[string, usageplan.Group]()
	return oddGroups{
		insert: func(s base, ctx context.Context, g usageplan.Group) error {
			err := s.InsertGroup(ctx, g)
			if err == nil {
				first.set(g.ID, g)
			}
			return err
		},
		list: selecting(func(_ base, f usageplan.GroupFilter, g usageplan.Group) bool {
			old := first.of(g.ID)
			if !parents {
				g.ParentID = old.ParentID
			}
			if !plans {
				g.PlanID = old.PlanID
			}
			return f.Passes(&g)
		}),
	}
}

func orderedGroups(name, caught string, o ordered) directoryFlaw[usageplan.Store] {
	o.groups = true
	return orderedPlans(name, caught, o)
}

var orderGroupFlaws = []directoryFlaw[usageplan.Store]{
	orderedGroups("lists groups by ID", "groups/list, groups/order", ordered{byID: true}),
	orderedGroups("lists groups by the time of creation", "groups/list, groups/order", ordered{byTime: true}),
	orderedGroups("lists groups by the time of the last change", "groups/list, groups/order", ordered{byUpdate: true}),
	orderedGroups("lists an updated group first", "groups/order, groups/meanwhile, groups/filter-update", ordered{moves: true}),
	orderedGroups("lists a group that was inserted again at its old place", "groups/order", ordered{keeps: true}),
	orderedGroups("a listing of groups ends where its row was deleted", "groups/deleted, groups/removed", ordered{at: endsThere}),
	orderedGroups("a listing of groups fails where its row was deleted", "groups/deleted, groups/removed, groups/replaced", ordered{at: failsThere}),
	orderedGroups("a listing of groups goes on where its row was inserted again", "groups/replaced", ordered{at: byRow}),
}

func (s ordered) InsertGroup(ctx context.Context, g usageplan.Group) error {
	return s.number("group "+g.ID, s.keeps, s.base.InsertGroup(ctx, g))
}

func (s ordered) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	return s.number("group "+g.ID, !s.moves, s.base.UpdateGroup(ctx, g))
}

func (s ordered) DeleteGroup(ctx context.Context, id string, version int64) error {
	return s.remove("group "+id, s.base.DeleteGroup(ctx, id, version))
}

func (s ordered) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) ([]usageplan.Group, string, error) {
	if !s.groups {
		return s.base.Groups(ctx, f, cursor, limit)
	}
	all, _, err := s.base.Groups(ctx, f, "", 10_000)
	var rows []listRow[usageplan.Group]
	for _, g := range all {
		rows = append(rows, listRow[usageplan.Group]{g, "group " + g.ID, s.rank("group "+g.ID, g.ID, g.Created, g.Updated)})
	}
	return pageOf(s, rows, err, cursor, limit, usageplan.ErrInvalid)
}
