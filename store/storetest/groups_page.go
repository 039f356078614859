package storetest

import (
	"fmt"
	"math"
	"slices"

	"github.com/ration-go/ration/usageplan"
)

// pagedGroups are cases of the pages of a listing of groups.
var pagedGroups = []directoryCase[usageplan.Store]{{
	"groups/list", "A listing of groups is complete, newest first, in pages of at most the limit. Groups that are inserted " +
		"meanwhile do not disturb it.",
	withGroups(func(v *visit, s groupStore) {
		want := reversed(insertGroups(v, s, 25))
		for i, limit := range []int{1, 7, 25, 500} {
			all, _ := walk(v, func(cursor string) ([]usageplan.Group, string, error) {
				groups, next, err := s.Groups(v.ctx, usageplan.GroupFilter{}, cursor, limit)
				if len(groups) > limit {
					v.failf("a page of %d: want at most %d", len(groups), limit)
				}
				if cursor == "" {
					late := aGroup(1000 + i)
					v.ok(s.InsertGroup(v.ctx, late))
					want = slices.Insert(want, 0, late)
				}
				return groups, next, err
			})
			lists(v, fmt.Sprintf("the listing by %d", limit), all, want[1:])
		}
	}),
}, {
	"groups/cursor", "A call with a cursor that no listing returned returns ErrInvalid.",
	withGroups(func(v *visit, s groupStore) {
		insertGroups(v, s, 3)
		for _, cursor := range []string{"?", "-1", " ", groupID(1) + "\x00", "99999999999999999999999999"} {
			for _, f := range []usageplan.GroupFilter{{}, {ParentID: groupID(0)}, {PlanID: planID(0)}, {ParentID: groupID(0), PlanID: planID(1)}} {
				_, _, err := s.Groups(v.ctx, f, cursor, 1)
				v.wants(err, usageplan.ErrInvalid)
			}
		}
	}),
}, {
	"groups/meanwhile", "Groups that are inserted, updated or deleted between pages do not disturb the listing of the other " +
		"groups, whatever the filter.",
	withGroups(func(v *visit, s groupStore) {
		for n, f := range []usageplan.GroupFilter{{}, {ParentID: "root"}, {PlanID: "plan"}, {ParentID: "root", PlanID: "plan"}} {
			family := func(i int) usageplan.Group {
				return usageplan.Group{ID: groupID(1000*n + i), ParentID: "root", PlanID: "plan", Version: 1}
			}
			var groups []usageplan.Group
			for i := range 40 {
				groups = append(groups, family(i))
				v.ok(s.InsertGroup(v.ctx, groups[i]))
			}
			gone := map[string]bool{}
			i := 0
			all, _ := walk(v, func(cursor string) ([]usageplan.Group, string, error) {
				page, next, err := s.Groups(v.ctx, f, cursor, 4)
				if i >= 15 {
					return page, next, err
				}
				for n := range 3 {
					v.ok(s.InsertGroup(v.ctx, family(100+3*i+n)))
				}
				for _, doomed := range []usageplan.Group{groups[i], groups[39-i]} { // one that is to come, and one that was listed
					gone[doomed.ID] = true
					v.ok(s.DeleteGroup(v.ctx, doomed.ID, 0))
				}
				for j := range groups[18:22] {
					v.ok(s.UpdateGroup(v.ctx, groups[18+j]))
					groups[18+j].Version++
				}
				i++
				return page, next, err
			})
			v.undisturbed(groupIDs(all), groupIDs(groups), gone)
			for _, g := range v.listedGroups(s, usageplan.GroupFilter{}, 100) {
				v.ok(s.DeleteGroup(v.ctx, g.ID, g.Version))
			}
		}
	}),
}, {
	"groups/removed", "A group's children can be deleted page by page while they are listed, and none is missed.",
	withGroups(func(v *visit, s groupStore) {
		for i := range 30 {
			v.ok(s.InsertGroup(v.ctx, usageplan.Group{ID: groupID(i), ParentID: "root"}))
		}
		all, _ := walk(v, func(cursor string) ([]usageplan.Group, string, error) {
			groups, next, err := s.Groups(v.ctx, usageplan.GroupFilter{ParentID: "root"}, cursor, 7)
			for _, g := range groups {
				v.ok(s.DeleteGroup(v.ctx, g.ID, 1))
			}
			return groups, next, err
		})
		v.equal("number of listed groups", len(all), 30)
		v.hasGroups(s, "the rest")
	}),
}}

// filteredGroups are cases of the filters of a listing of groups.
var filteredGroups = []directoryCase[usageplan.Store]{{
	"groups/filter", "A filter selects the groups directly below one, the groups that have a plan, or those of which both " +
		"are true, whatever the page size. Neither the parent nor the plan needs to exist.",
	withGroups(func(v *visit, s groupStore) {
		all := reversed(insertGroups(v, s, 20))
		filters := []usageplan.GroupFilter{{}, {ParentID: "none"}, {PlanID: "none"}, {ParentID: planID(0)}, {PlanID: groupID(0)}}
		for i := range 4 {
			for j := range 3 {
				filters = append(filters, usageplan.GroupFilter{ParentID: groupID(i), PlanID: planID(j)})
			}
			filters = append(filters, usageplan.GroupFilter{ParentID: groupID(i)}, usageplan.GroupFilter{PlanID: planID(i)})
		}
		for _, f := range filters {
			for _, limit := range []int{1, 3, 100} {
				v.listsGroups(s, "all", f, limit, all)
			}
		}
	}),
}, {
	"groups/filter-update", "An update that changes the parent or the plan of a group takes it from one filtered listing to " +
		"another, at the place of its insertion. A deletion takes it from all.",
	withGroups(func(v *visit, s groupStore) {
		groups := insertGroups(v, s, 9)
		newest := func() []usageplan.Group { return reversed(groups) }
		v.hasGroups(s, "inserted", newest()...)
		changes := []func(g *usageplan.Group){
			func(g *usageplan.Group) { g.ParentID = groupID(8) },
			func(g *usageplan.Group) { g.PlanID = planID(7) },
			func(g *usageplan.Group) { g.ParentID, g.PlanID = "", "" },
			func(g *usageplan.Group) { g.ParentID, g.PlanID = groupID(0), planID(0) },
		}
		for i, change := range changes {
			for _, j := range []int{i, 4, 7} {
				change(&groups[j])
				v.ok(s.UpdateGroup(v.ctx, groups[j]))
				groups[j].Version++
			}
			v.hasGroups(s, "updated", newest()...)
			for j := range 9 { // also where there are none now
				v.listsGroups(s, "updated", usageplan.GroupFilter{ParentID: groupID(j)}, 4, newest())
				v.listsGroups(s, "updated", usageplan.GroupFilter{PlanID: planID(j)}, 4, newest())
			}
		}
		lost := groups[7]
		lost.ParentID, lost.PlanID, lost.Version = "lost", "lost", 1
		v.wants(s.UpdateGroup(v.ctx, lost), usageplan.ErrConflict)
		v.listsGroups(s, "after a conflict", usageplan.GroupFilter{ParentID: "lost"}, 4, nil)
		v.ok(s.DeleteGroup(v.ctx, lost.ID, 0))
		groups = slices.Delete(groups, 7, 8)
		v.hasGroups(s, "with one deleted", newest()...)
		v.listsGroups(s, "with one deleted", usageplan.GroupFilter{ParentID: groupID(0)}, 4, newest())
	}),
}, {
	"groups/filter-ids", "A filter compares IDs byte by byte.",
	withGroups(func(v *visit, s groupStore) {
		var all []usageplan.Group
		for i, id := range hostileIDs {
			g := usageplan.Group{ID: groupID(i), ParentID: id, PlanID: hostileIDs[len(hostileIDs)-1-i], Version: 1}
			v.ok(s.InsertGroup(v.ctx, g))
			all = append(all, g)
		}
		for i, id := range append(slices.Clone(hostileIDs), "a%", "*", "a-a", "no") {
			v.listsGroups(s, "all", usageplan.GroupFilter{ParentID: id}, 3, all)
			v.listsGroups(s, "all", usageplan.GroupFilter{PlanID: id}, 3, all)
			v.listsGroups(s, "all", usageplan.GroupFilter{ParentID: id, PlanID: hostileIDs[max(0, len(hostileIDs)-1-i)]}, 3, all)
		}
	}),
}, {
	"groups/limit", "A limit may be as great as an int is. A page then has what the store returns at a time.",
	withGroups(func(v *visit, s groupStore) {
		all := reversed(insertGroups(v, s, 5))
		for _, limit := range []int{math.MaxInt32, math.MaxInt - 1, math.MaxInt} {
			for _, f := range []usageplan.GroupFilter{{}, {ParentID: groupID(1)}, {PlanID: planID(0)}, {ParentID: groupID(0), PlanID: planID(0)}} {
				v.listsGroups(s, "all", f, limit, all)
			}
		}
	}),
}}
