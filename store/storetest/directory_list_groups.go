package storetest

import (
	"fmt"
	"slices"

	"github.com/ration-go/ration/usageplan"
)

// listedGroups are cases of the order and the cursors of a listing of groups.
var listedGroups = []directoryCase[usageplan.Store]{{
	"groups/order", "The group that was inserted last is listed first, also in a filtered listing. Neither an ID, a time nor an " +
		"update moves a group, and a group that was deleted and inserted again is new.",
	withGroups(func(v *visit, s groupStore) {
		groups := insertGroups(v, s, 12)
		for i := range groups { // now the oldest has been updated last
			g := &groups[len(groups)-1-i]
			g.Updated, g.Created = aFuture.AddDate(0, 0, i), aFuture.AddDate(0, 0, -i)
			v.ok(s.UpdateGroup(v.ctx, *g))
			g.Version++
		}
		v.hasGroups(s, "after updates", reversed(groups)...)
		again := groups[4]
		again.Version = 1
		v.ok(s.DeleteGroup(v.ctx, again.ID, 0))
		v.ok(s.InsertGroup(v.ctx, again))
		groups = append(slices.Delete(groups, 4, 5), again)
		v.hasGroups(s, "with a group that was inserted again", reversed(groups)...)
	}),
}, {
	"groups/deleted", "A listing of groups goes on at its cursor though the groups beside the cursor are deleted. If the rest " +
		"is deleted, the next page is empty and the last.",
	withGroups(func(v *visit, s groupStore) { v.deletesAtGroupCursor(s, false) }),
}, {
	"groups/replaced", "A listing of groups goes on at its cursor though the group beside the cursor is deleted and inserted " +
		"again, by which it is new.",
	withGroups(func(v *visit, s groupStore) { v.deletesAtGroupCursor(s, true) }),
}, {
	"groups/several", "Several listings of groups go on side by side, each by its own cursor.",
	withGroups(func(v *visit, s groupStore) {
		want := reversed(insertGroups(v, s, 9))
		filters := []usageplan.GroupFilter{{}, {PlanID: planID(0)}, {ParentID: groupID(1)}}
		var cursors [3]string
		var ended [3]bool
		var listed [3][]usageplan.Group
		for range 5 * len(want) {
			for i, f := range filters {
				if ended[i] {
					continue
				}
				page, next, err := s.Groups(v.ctx, f, cursors[i], i+1)
				v.ok(err)
				cursors[i], listed[i], ended[i] = next, append(listed[i], page...), next == ""
			}
		}
		for i, f := range filters {
			passes := func(g usageplan.Group) bool { return !f.Passes(&g) }
			lists(v, fmt.Sprint("listing ", i), listed[i], slices.DeleteFunc(slices.Clone(want), passes))
		}
	}),
}}

// deletesAtGroupCursor deletes groups on both sides of a cursor, and goes on with the
// listing, without a filter and with one.
func (v *visit) deletesAtGroupCursor(s groupStore, again bool) {
	for n, f := range []usageplan.GroupFilter{{}, {ParentID: "root"}} {
		var groups []usageplan.Group
		for i := range 16 {
			groups = append(groups, usageplan.Group{ID: groupID(100*n + i), ParentID: "root", Version: 1})
			v.ok(s.InsertGroup(v.ctx, groups[i]))
		}
		groups = reversed(groups)
		page, cursor, err := s.Groups(v.ctx, f, "", 5)
		v.ok(err)
		n := len(page)
		if n == 0 || n > 5 || cursor == "" {
			v.failf("a page of %d of 16 groups with the cursor %q: want 1 to 5, and a cursor", n, cursor)
		}
		lists(v, "the first page", page, groups[:n])
		for _, g := range groups[n-1 : n+2] { // the last of the page, and the next two
			v.ok(s.DeleteGroup(v.ctx, g.ID, 0))
		}
		if again {
			v.ok(s.InsertGroup(v.ctx, groups[n-1])) // and it is at the top now
		}
		middle := cursor
		var rest []usageplan.Group
		for cursor != "" && len(rest) < len(groups) {
			page, cursor, err = s.Groups(v.ctx, f, cursor, 5)
			v.ok(err)
			rest = append(rest, page...)
		}
		lists(v, "the later pages", rest, groups[n+2:])
		for _, g := range v.listedGroups(s, usageplan.GroupFilter{}, 20) {
			v.ok(s.DeleteGroup(v.ctx, g.ID, 1))
		}
		for cursor = middle; cursor != ""; {
			page, cursor, err = s.Groups(v.ctx, f, cursor, 5)
			v.ok(err)
			lists(v, "the rest", page, nil)
		}
	}
}
