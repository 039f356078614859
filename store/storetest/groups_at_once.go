package storetest

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/usageplan"
)

var groupsAtOnce = []directoryCase[usageplan.Store]{{
	"at-once/group-id", "Of many callers that insert a group with one ID at once, one succeeds. The others get ErrExists, and " +
		"the group is listed once, by the filters of the winner alone.",
	withGroups(func(v *visit, s groupStore) {
		var all []usageplan.Group
		for round := range 10 {
			attempt := func(i int) usageplan.Group {
				g := aGroup(round)
				g.Name, g.ParentID, g.PlanID = fmt.Sprint(i), fmt.Sprint("parent-", i), fmt.Sprint("plan-", i)
				return g
			}
			winner := v.oneWins(v.together(crowded, func(i int) error {
				return s.InsertGroup(v.ctx, attempt(i))
			}), usageplan.ErrExists)
			all = append(all, attempt(winner))
		}
		v.hasGroups(s, "the winners", reversed(all)...)
		for i := range crowded {
			v.listsGroups(s, "the winners", usageplan.GroupFilter{ParentID: fmt.Sprint("parent-", i)}, 3, reversed(all))
			v.listsGroups(s, "the winners", usageplan.GroupFilter{PlanID: fmt.Sprint("plan-", i)}, 3, reversed(all))
		}
	}),
}, {
	"at-once/groups", "Groups below one group that are inserted at once are all there.",
	withGroups(func(v *visit, s groupStore) {
		for round := range 5 {
			root := fmt.Sprint("root-", round)
			for _, err := range v.together(crowded, func(i int) error {
				return s.InsertGroup(v.ctx, usageplan.Group{ID: groupID(crowded*round + i), ParentID: root})
			}) {
				v.ok(err)
			}
			below := v.listedGroups(s, usageplan.GroupFilter{ParentID: root}, 3)
			v.equal("number of groups below one", len(below), crowded)
			v.undisturbed(groupIDs(below), groupIDs(below), nil)
		}
		v.equal("number of all groups", len(v.listedGroups(s, usageplan.GroupFilter{}, 3)), 5*crowded)
	}),
}, {
	"at-once/group-move", "If many callers move a group at once, it is below the winner's parent alone.",
	withGroups(func(v *visit, s groupStore) {
		g := usageplan.Group{ID: "moved", ParentID: "first", Version: 1}
		v.ok(s.InsertGroup(v.ctx, g))
		for range 10 {
			winner := v.oneWins(v.together(crowded, func(i int) error {
				mine := g
				mine.ParentID, mine.PlanID = groupID(i), planID(i)
				return s.UpdateGroup(v.ctx, mine)
			}), usageplan.ErrConflict)
			g.ParentID, g.PlanID, g.Version = groupID(winner), planID(winner), g.Version+1
			v.hasGroups(s, "the winner's group", g)
			for i := range crowded {
				v.listsGroups(s, "the winner's group", usageplan.GroupFilter{ParentID: groupID(i)}, 3, []usageplan.Group{g})
				v.listsGroups(s, "the winner's group", usageplan.GroupFilter{PlanID: planID(i)}, 3, []usageplan.Group{g})
			}
		}
	}),
}, {
	"at-once/group-delete", "Of many callers that delete a group at once, one succeeds. The others get ErrNotFound.",
	withGroups(func(v *visit, s groupStore) {
		for round := range 10 {
			g := aGroup(round)
			v.ok(s.InsertGroup(v.ctx, g))
			v.oneWins(v.together(crowded, func(i int) error { return s.DeleteGroup(v.ctx, g.ID, int64(i%2)) }), usageplan.ErrNotFound)
			v.hasGroups(s, "deleted")
		}
	}),
}, {
	"at-once/group-gone", "A group that is deleted while it is updated stays deleted, and is in no listing.",
	withGroups(func(v *visit, s groupStore) {
		for round := range 10 {
			g := aGroup(round)
			v.ok(s.InsertGroup(v.ctx, g))
			moved := g
			moved.ParentID, moved.PlanID = "other", "other"
			errs := v.together(2, func(i int) error {
				if i == 0 {
					return s.DeleteGroup(v.ctx, g.ID, 0)
				}
				return s.UpdateGroup(v.ctx, moved)
			})
			v.ok(errs[0])
			if errs[1] != nil {
				v.wants(errs[1], usageplan.ErrNotFound)
			}
			v.lacksGroup(s, g.ID)
			for _, f := range []usageplan.GroupFilter{{}, {ParentID: g.ParentID}, {PlanID: g.PlanID}, {ParentID: "other"}, {PlanID: "other"}} {
				v.listsGroups(s, "deleted", f, 3, nil)
			}
		}
	}),
}, {
	"at-once/group-look-up", "A group is found, in one of its versions, while it is updated.",
	withGroups(func(v *visit, s groupStore) {
		g := insertGroups(v, s, 1)[0]
		v.meanwhile(30, func(i int) {
			g.Name, g.PlanID = fmt.Sprint("plan-", i), fmt.Sprint("plan-", i)
			v.ok(s.UpdateGroup(v.ctx, g))
			g.Version++
		}, func() {
			got, err := s.Group(v.ctx, g.ID)
			v.during("look-up of a group", err)
			if got.Version > 1 && got.Name != got.PlanID {
				v.failf("name %q with plan %q, which were never in the group together", got.Name, got.PlanID)
			}
		})
	}),
}, {
	"at-once/group-ctx", "If ctx ends while a change of a group is under way, the change is made as a whole, in every listing, " +
		"or not at all. Without an error it was made.",
	withGroups(func(v *visit, s groupStore) {
		for looks := 1; looks <= mostLooks; looks++ {
			// three groups, so that a change that is late does not meet the next one
			g, old, doomed := aGroup(3*looks), aGroup(3*looks+1), aGroup(3*looks+2)
			err := v.ends(looks, func(ctx context.Context) error { return s.InsertGroup(ctx, g) })
			v.whole(err, func() { v.listedAs(s, g) }, func() { v.unlisted(s, g) })

			v.ok(s.InsertGroup(v.ctx, old))
			moved := old
			moved.ParentID, moved.PlanID = "other", "other"
			err = v.ends(looks, func(ctx context.Context) error { return s.UpdateGroup(ctx, moved) })
			moved.Version++
			v.whole(err, func() { v.listedAs(s, moved) }, func() { v.listedAs(s, old) })

			v.ok(s.InsertGroup(v.ctx, doomed))
			err = v.ends(looks, func(ctx context.Context) error { return s.DeleteGroup(ctx, doomed.ID, 1) })
			v.whole(err, func() { v.unlisted(s, doomed) }, func() { v.listedAs(s, doomed) })
		}
	}),
}}

// groupListsAtOnce are cases of listings of groups that are changed meanwhile.
var groupListsAtOnce = []directoryCase[usageplan.Store]{{
	"at-once/group-list", "A listing has every group once while the groups are updated, whatever the filter.",
	withGroups(func(v *visit, s groupStore) {
		var groups []usageplan.Group
		for i := range 3 {
			groups = append(groups, usageplan.Group{ID: groupID(i), ParentID: "root", PlanID: "plan", Version: 1})
			v.ok(s.InsertGroup(v.ctx, groups[i]))
		}
		ids := []string{groupID(2), groupID(1), groupID(0)}
		v.meanwhile(30, func(i int) {
			groups[i%3].Name = fmt.Sprint(i)
			v.ok(s.UpdateGroup(v.ctx, groups[i%3]))
			groups[i%3].Version++
		}, func() {
			for _, f := range []usageplan.GroupFilter{{}, {ParentID: "root"}, {PlanID: "plan"}, {ParentID: "root", PlanID: "plan"}} {
				lists(v, fmt.Sprintf("the listing of %q", f), groupIDs(v.listedGroups(s, f, 2)), ids)
			}
		})
	}),
}, {
	"at-once/group-moves", "A page of a filtered listing has only groups that the filter selects, while groups move. A group " +
		"that does not move is on it.",
	withGroups(func(v *visit, s groupStore) {
		stays, moves := usageplan.Group{ID: "stays", ParentID: "a", PlanID: "a"}, usageplan.Group{ID: "moves", ParentID: "a", PlanID: "a", Version: 1}
		v.ok(s.InsertGroup(v.ctx, moves))
		v.ok(s.InsertGroup(v.ctx, stays))
		v.meanwhile(31, func(i int) {
			moves.ParentID = []string{"b", "a"}[i%2]
			moves.PlanID = moves.ParentID
			v.ok(s.UpdateGroup(v.ctx, moves))
			moves.Version++
		}, func() {
			for _, f := range []usageplan.GroupFilter{{}, {ParentID: "a"}, {ParentID: "b"}, {PlanID: "a"}, {PlanID: "b"}, {ParentID: "a", PlanID: "a"}} {
				page, _, err := s.Groups(v.ctx, f, "", 10)
				v.ok(err)
				for i := range page {
					if !f.Passes(&page[i]) {
						v.failf("%+v on a page of %+v", page[i], f)
					}
				}
				always := []string{"stays"}
				if f == (usageplan.GroupFilter{}) {
					always = append(always, "moves")
				} else if f.ParentID == "b" || f.PlanID == "b" {
					always = nil
				}
				v.undisturbed(groupIDs(page), always, nil)
			}
		})
	}),
}}

var groupPagesAtOnce = []directoryCase[usageplan.Store]{{
	"at-once/group-pages", "A listing has every group that exists throughout exactly once, while others are inserted, moved and deleted " +
		"between its pages and during them.",
	withGroups(func(v *visit, s groupStore) {
		var ids []string
		transient := func(i int) usageplan.Group {
			return usageplan.Group{ID: fmt.Sprint("transient-", i), ParentID: "root", PlanID: "plan", Version: 1}
		}
		for i := range 8 {
			ids = append(ids, groupID(i))
			v.ok(s.InsertGroup(v.ctx, usageplan.Group{ID: groupID(i), ParentID: "root", PlanID: "plan"}))
			v.ok(s.InsertGroup(v.ctx, transient(i)))
		}
		v.meanwhile(24, func(i int) {
			v.ok(s.InsertGroup(v.ctx, transient(8+i)))
			moved := transient(i)
			moved.ParentID, moved.PlanID = "", ""
			v.ok(s.UpdateGroup(v.ctx, moved))
			v.ok(s.DeleteGroup(v.ctx, moved.ID, 2))
		}, func() {
			for _, f := range []usageplan.GroupFilter{{}, {ParentID: "root"}, {PlanID: "plan"}, {ParentID: "root", PlanID: "plan"}} {
				listed := groupIDs(v.listedGroups(s, f, 2))
				v.undisturbed(listed, ids, nil)
				for i := range 8 + 24 {
					v.undisturbed(listed, []string{transient(i).ID}, map[string]bool{transient(i).ID: true})
				}
			}
		})
	}),
}}

// listedAs checks that a group is read as want, and listed by its filters alone.
func (v *visit) listedAs(s groupStore, want usageplan.Group) {
	v.hasGroup(s, "the group", want)
	for _, f := range groupFilters(want) {
		v.equal(fmt.Sprintf("number of times in the listing of %q", f), v.timesListed(s, f, want), 1)
	}
	if want.ParentID != "other" {
		for _, f := range []usageplan.GroupFilter{{ParentID: "other"}, {PlanID: "other"}} {
			v.equal("number of times in the listing of another", v.timesListed(s, f, want), 0)
		}
	}
}

// unlisted checks that there is no such group, in any listing.
func (v *visit) unlisted(s groupStore, g usageplan.Group) {
	v.lacksGroup(s, g.ID)
	for _, f := range groupFilters(g) {
		v.equal(fmt.Sprintf("number of times in the listing of %q", f), v.timesListed(s, f, g), 0)
	}
}

// groupFilters returns filters that select g.
func groupFilters(g usageplan.Group) []usageplan.GroupFilter {
	return []usageplan.GroupFilter{{}, {ParentID: g.ParentID}, {PlanID: g.PlanID}, {ParentID: g.ParentID, PlanID: g.PlanID}}
}

func (v *visit) timesListed(s groupStore, f usageplan.GroupFilter, g usageplan.Group) (n int) {
	for _, other := range v.listedGroups(s, f, 100) {
		if other.ID == g.ID {
			n++
		}
	}
	return n
}
