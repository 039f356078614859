package storetest

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// groupStore is a store of plans that keeps groups, too.
type groupStore interface {
	usageplan.Store
	usageplan.GroupStore
}

// withGroups makes a case of GroupStore a case of stores of plans. It skips other stores.
func withGroups(test func(v *visit, s groupStore)) func(v *visit, s usageplan.Store) {
	return func(v *visit, s usageplan.Store) {
		g, ok := s.(groupStore)
		if !ok {
			v.skip("needs a usageplan.GroupStore")
		}
		test(v, g)
	}
}

// aGroup returns the i-th of many groups, with all fields set. Neither the IDs nor the
// times ascend with i. The group above is the i/2-th one, and the first one is its own.
func aGroup(i int) usageplan.Group {
	created := aTime(i)
	return usageplan.Group{
		ID: groupID(i), Name: fmt.Sprintf("group %d {é}\nand line", i), ParentID: groupID(i / 2), PlanID: planID(i % 3),
		Throttle: &limiter.Limit{Rate: 2.5, Burst: 2}, Throttles: someThrottles(),
		Quotas: []calendar.Quota{
			{Limit: 1000, Period: calendar.Month, StartDay: 31}, {Name: "tpd", Limit: 5, Unit: "tokens", Period: calendar.Day},
		},
		Created: created, Updated: created.Add(time.Hour), Version: 1,
	}
}

func insertGroups(v *visit, s groupStore, n int) (groups []usageplan.Group) {
	for i := range n {
		groups = append(groups, aGroup(i))
		v.ok(s.InsertGroup(v.ctx, aGroup(i)))
	}
	return groups
}

// hasGroup checks that a group is read as want.
func (v *visit) hasGroup(s groupStore, what string, want usageplan.Group) {
	got, err := s.Group(v.ctx, want.ID)
	v.okAt(err, what+": look-up", want.ID)
	v.equal(what, got, want)
}

// lacksGroup checks that there is no group with an ID.
func (v *visit) lacksGroup(s groupStore, id string) {
	_, err := s.Group(v.ctx, id)
	v.wants(err, usageplan.ErrNotFound)
}

// listedGroups returns a whole listing of groups, page by page.
func (v *visit) listedGroups(s groupStore, f usageplan.GroupFilter, limit int) []usageplan.Group {
	all, _ := walk(v, func(cursor string) ([]usageplan.Group, string, error) {
		groups, next, err := s.Groups(v.ctx, f, cursor, limit)
		if len(groups) > limit {
			v.failf("a page of %d: want at most %d", len(groups), limit)
		}
		return groups, next, err
	})
	return all
}

// hasGroups checks that s finds each group by its ID, and lists exactly these, in this
// order, whatever the filter.
func (v *visit) hasGroups(s groupStore, what string, want ...usageplan.Group) {
	for _, g := range want {
		v.hasGroup(s, what, g)
	}
	filters := map[usageplan.GroupFilter]bool{{}: true, {ParentID: "none"}: true, {PlanID: "none"}: true}
	for _, g := range want {
		filters[usageplan.GroupFilter{ParentID: g.ParentID}] = true
		filters[usageplan.GroupFilter{PlanID: g.PlanID}] = true
		filters[usageplan.GroupFilter{ParentID: g.ParentID, PlanID: g.PlanID}] = true
	}
	for f := range filters {
		v.listsGroups(s, what, f, 2, want)
	}
}

// listsGroups checks that a whole listing has those of all groups that the filter
// selects, in this order.
func (v *visit) listsGroups(s groupStore, what string, f usageplan.GroupFilter, limit int, all []usageplan.Group) {
	var want []usageplan.Group
	for _, g := range all {
		if f.Passes(&g) {
			want = append(want, g)
		}
	}
	lists(v, fmt.Sprintf("%s: the listing of %.80q by %d", what, f, limit), v.listedGroups(s, f, limit), want)
}

func groupIDs(groups []usageplan.Group) (ids []string) {
	for i := range groups {
		ids = append(ids, groups[i].ID)
	}
	return ids
}
