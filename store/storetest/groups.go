package storetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

func groupCases() []directoryCase[usageplan.Store] {
	return slices.Concat(
		storedGroups, pagedGroups, filteredGroups, notifyGroups, durableGroups, peerGroups, unfavourableGroups,
		listedGroups, groupsBesideOthers, groupAccess, groupAccessAgain, groupsAtOnce, groupListsAtOnce,
		groupPagesAtOnce,
	)
}

var storedGroups = []directoryCase[usageplan.Store]{{
	"groups/insert", "A group is found by its ID, with every field unchanged and Version 1. Its parent and its plan need " +
		"not exist. No second group can have its ID.",
	withGroups(func(v *visit, s groupStore) {
		bare := usageplan.Group{ID: "bare"}
		v.ok(s.InsertGroup(v.ctx, bare))
		bare.Version = 1
		for _, want := range append(insertGroups(v, s, 3), bare) {
			v.hasGroup(s, "the group", want)
			v.wants(s.InsertGroup(v.ctx, want), usageplan.ErrExists)
			v.wants(s.InsertGroup(v.ctx, usageplan.Group{ID: want.ID, Name: "another"}), usageplan.ErrExists)
			v.hasGroup(s, "after a second insert", want)
		}
		v.lacksPlan(s, planID(0))
	}),
}, {
	"groups/missing", "A call for a group that does not exist returns ErrNotFound and changes nothing. A listing that no " +
		"group is in is empty.",
	withGroups(func(v *visit, s groupStore) {
		v.lacksGroup(s, "a")
		v.wants(s.UpdateGroup(v.ctx, usageplan.Group{ID: "a"}), usageplan.ErrNotFound)
		v.wants(s.UpdateGroup(v.ctx, usageplan.Group{ID: "a", Version: 1}), usageplan.ErrNotFound)
		v.wants(s.DeleteGroup(v.ctx, "a", 0), usageplan.ErrNotFound)
		v.wants(s.DeleteGroup(v.ctx, "a", 1), usageplan.ErrNotFound)
		for _, f := range []usageplan.GroupFilter{{}, {ParentID: "a"}, {PlanID: "a"}, {ParentID: "a", PlanID: "a"}} {
			groups, next, err := s.Groups(v.ctx, f, "", 10)
			v.ok(err)
			v.equal("number of groups, and the cursor", fmt.Sprint(len(groups), next), "0")
		}
	}),
}, {
	"groups/update", "An update replaces every field and adds one to the version. Empty throttles and quotas differ from none.",
	withGroups(func(v *visit, s groupStore) {
		full := insertGroups(v, s, 1)[0]
		for version, g := range []usageplan.Group{
			{ID: full.ID, Name: "bare"}, full, {ID: full.ID}, {ID: full.ID, PlanID: "p", Quotas: []calendar.Quota{}},
			{ID: full.ID, PlanID: "p", Throttle: &limiter.Limit{}}, {ID: full.ID, ParentID: "parent"},
			{ID: full.ID, PlanID: "p", Throttles: []usageplan.Throttle{}}, {ID: full.ID, PlanID: "p", Throttles: someThrottles()},
		} {
			g.Version = int64(version) + 1
			v.ok(s.UpdateGroup(v.ctx, g))
			g.Version++
			v.hasGroup(s, "the group", g)
			lists(v, "the listing", v.listedGroups(s, usageplan.GroupFilter{}, 1), []usageplan.Group{g})
		}
	}),
}, {
	"groups/copies", "The store shares nothing with its callers. If a caller changes what it passed in or got back, the " +
		"stored group does not change.",
	withGroups(func(v *visit, s groupStore) {
		change := func(g usageplan.Group) {
			g.Throttle.Burst, g.Throttles[0].Burst, g.Throttles[1].Name = 99, 99, "changed"
			g.Quotas[0].Limit, g.Quotas[1].Name = 99, "changed"
		}
		g := aGroup(0)
		v.ok(s.InsertGroup(v.ctx, g))
		change(g)
		for version := range int64(3) {
			want := aGroup(0)
			want.Version = 1 + version
			for range 2 {
				got, err := s.Group(v.ctx, want.ID)
				v.ok(err)
				v.equal("the group", got, want)
				all, _, err := s.Groups(v.ctx, usageplan.GroupFilter{}, "", 1)
				v.ok(err)
				lists(v, "the listing", all, []usageplan.Group{want})
				below, _, err := s.Groups(v.ctx, usageplan.GroupFilter{ParentID: want.ParentID}, "", 1)
				v.ok(err)
				lists(v, "the groups below one", below, []usageplan.Group{want})
				change(got)
				change(all[0])
				change(below[0])
			}
			want = want.Clone()
			v.ok(s.UpdateGroup(v.ctx, want))
			change(want)
		}
	}),
}, {
	"groups/delete", "A deleted group is gone. The groups below it stay as they are, and so do plans and links.",
	withGroups(func(v *visit, s groupStore) {
		plans, groups := insertPlans(v, s, 3), insertGroups(v, s, 6)
		v.ok(s.InsertLink(v.ctx, aLink(1, 0)))
		v.ok(s.DeleteGroup(v.ctx, groups[1].ID, 0)) // of which two others are below
		v.lacksGroup(s, groups[1].ID)
		rest := reversed(slices.Delete(groups, 1, 2))
		v.hasGroups(s, "the rest", rest...)
		v.listsGroups(s, "the groups below it", usageplan.GroupFilter{ParentID: groupID(1)}, 5, rest)
		lists(v, "the plans", v.listedPlans(s, 5), reversed(plans))
		v.hasLinks(s, keyID(0), aLink(1, 0))
		v.wants(s.DeleteGroup(v.ctx, groupID(1), 0), usageplan.ErrNotFound)
		v.ok(s.DeletePlan(v.ctx, planID(0), 0))
		v.hasGroups(s, "without a plan", rest...)
	}),
}, {
	"groups/version", "If many callers update one version of a group, exactly one succeeds. The others get ErrConflict.",
	withGroups(func(v *visit, s groupStore) {
		g := insertGroups(v, s, 1)[0]
		for range 10 {
			g.Name = fmt.Sprint(v.oneWins(v.together(crowded, func(i int) error {
				mine := g.Clone()
				mine.Name = fmt.Sprint(i)
				return s.UpdateGroup(v.ctx, mine)
			}), usageplan.ErrConflict))
			g.Version++
			v.hasGroup(s, "the winner's group", g)
		}
	}),
}, {
	"groups/delete-version", "A group is deleted only in the version that the caller names. Of one caller that updates a " +
		"version and one that deletes it, one succeeds.",
	withGroups(func(v *visit, s groupStore) {
		for i := range 10 {
			g := aGroup(i)
			v.ok(s.InsertGroup(v.ctx, g))
			v.ok(s.UpdateGroup(v.ctx, g))
			for _, other := range []int64{-1, 1, 3, 2 << 32} {
				v.wants(s.DeleteGroup(v.ctx, g.ID, other), usageplan.ErrConflict)
			}
			g.Version = 2
			v.hasGroup(s, "after conflicts", g)
			errs := v.together(2, func(i int) error {
				if i == 0 {
					return s.DeleteGroup(v.ctx, g.ID, 2)
				}
				return s.UpdateGroup(v.ctx, g)
			})
			if errs[0] == nil {
				v.wants(errs[1], usageplan.ErrNotFound)
				v.lacksGroup(s, g.ID)
				continue
			}
			v.wants(errs[0], usageplan.ErrConflict)
			v.ok(errs[1])
			v.ok(s.DeleteGroup(v.ctx, g.ID, 3))
			v.lacksGroup(s, g.ID)
		}
	}),
}, {
	"groups/ctx", "If ctx is done, every call returns its error and changes nothing.",
	withGroups(func(v *visit, s groupStore) {
		g := insertGroups(v, s, 1)[0]
		ctx, cancel := context.WithCancel(v.ctx)
		cancel()
		_, err := s.Group(ctx, g.ID)
		v.wants(err, context.Canceled)
		_, _, err = s.Groups(ctx, usageplan.GroupFilter{}, "", 1)
		v.wants(err, context.Canceled)
		_, _, err = s.Groups(ctx, usageplan.GroupFilter{ParentID: g.ParentID}, "", 1)
		v.wants(err, context.Canceled)
		v.wants(s.InsertGroup(ctx, aGroup(1)), context.Canceled)
		v.wants(s.UpdateGroup(ctx, usageplan.Group{ID: g.ID, Version: 1}), context.Canceled)
		v.wants(s.DeleteGroup(ctx, g.ID, 0), context.Canceled)
		v.hasGroups(s, "after all", g)
	}),
}, {
	"groups/together", "A store of groups is safe for concurrent use.",
	withGroups(func(v *visit, s groupStore) {
		for _, err := range v.together(crowded, func(n int) error {
			for i := range 20 {
				g := aGroup(100*n + i)
				g.ParentID = "root"
				if err := s.InsertGroup(v.ctx, g); err != nil {
					return err
				}
				if _, _, err := s.Groups(v.ctx, usageplan.GroupFilter{ParentID: "root"}, "", 5); err != nil {
					return err
				}
				if err := s.UpdateGroup(v.ctx, g); err != nil {
					return err
				}
				if i%2 == 0 {
					if err := s.DeleteGroup(v.ctx, g.ID, 2); err != nil {
						return err
					}
				}
			}
			return nil
		}) {
			v.ok(err)
		}
		for _, f := range []usageplan.GroupFilter{{}, {ParentID: "root"}} {
			v.equal(fmt.Sprintf("number of groups left by %+v", f), len(v.listedGroups(s, f, 7)), crowded*10)
		}
	}),
}}
