package storetest

import (
	"fmt"
	"math"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// boundGroups returns groups with each field at its bounds.
func boundGroups() []usageplan.Group {
	long := strings.Repeat("Zz-_", maxIDLength/4)
	return []usageplan.Group{
		{
			ID: long, Name: " " + strings.Repeat(fourBytes, usageplan.MaxName-2) + " ", ParentID: long[1:] + "Z", PlanID: long,
			Throttle: &limiter.Limit{Rate: 1e-8, Burst: 1}, Throttles: extremeThrottles(), Quotas: extremeQuotas(),
			Created: aTime(1), Updated: aFuture,
		},
		{ID: "-", Name: "\n\te\u0301 %_*'\"\\<&\u2028 ", PlanID: "_", Throttle: &limiter.Limit{}, Quotas: []calendar.Quota{{Period: calendar.Minute}}},
		{ID: "7", Name: "7", ParentID: "07", PlanID: "7", Quotas: []calendar.Quota{}},
		{ID: "8", PlanID: "8", Throttles: []usageplan.Throttle{}},
		{ID: "9", PlanID: "9", Throttles: []usageplan.Throttle{{}}, Quotas: []calendar.Quota{}},
		{ID: "null", Name: "null", ParentID: "NULL", PlanID: "null", Throttle: &limiter.Limit{Burst: 3}},
	}
}

// unfavourableGroups are the cases of groups that a store may confuse, cut or keep
// wrongly.
var unfavourableGroups = []directoryCase[usageplan.Store]{{
	"groups/ids", "An ID is compared byte by byte: two IDs that differ in any way belong to two groups.",
	withGroups(func(v *visit, s groupStore) {
		var groups []usageplan.Group
		for i, id := range hostileIDs {
			groups = append(groups, usageplan.Group{ID: id, Name: fmt.Sprint(i), Version: 1})
			v.okAt(s.InsertGroup(v.ctx, groups[i]), "insert", id)
		}
		for i := range groups {
			groups[i].Name += " updated"
			v.okAt(s.UpdateGroup(v.ctx, groups[i]), "update", groups[i].ID)
			groups[i].Version++
		}
		v.hasGroups(s, "one of many IDs", reversed(groups)...)
		for i, g := range groups {
			v.okAt(s.DeleteGroup(v.ctx, g.ID, 2), "deletion", g.ID)
			for _, rest := range groups[i+1:] {
				_, err := s.Group(v.ctx, rest.ID)
				v.okAt(err, "after a deletion, the second", g.ID, rest.ID)
			}
		}
	}),
}, {
	"groups/bounds", "A store keeps each field of a group at its bounds, every text byte for byte, and lists in their order. " +
		"Throttles and quotas that are empty differ from those that are nil.",
	withGroups(func(v *visit, s groupStore) {
		for _, g := range boundGroups() {
			g.Version = 1
			v.ok(s.InsertGroup(v.ctx, g))
			v.hasGroup(s, "inserted", g)
			page, _, err := s.Groups(v.ctx, usageplan.GroupFilter{PlanID: g.PlanID}, "", 1)
			v.ok(err)
			lists(v, "listed", page, []usageplan.Group{g})
			v.ok(s.UpdateGroup(v.ctx, usageplan.Group{ID: g.ID, Version: 1}))
			g.Version = 2
			v.ok(s.UpdateGroup(v.ctx, g))
			g.Version = 3
			v.hasGroup(s, "updated", g)
		}
		for i, text := range hostileTexts {
			g := usageplan.Group{ID: groupID(i), Name: text, Version: 1}
			v.ok(s.InsertGroup(v.ctx, g))
			v.hasGroup(s, "a text", g)
		}
	}),
}, {
	"groups/limits", "A store keeps each Rate and Limit exactly. A throttle that blocks differs from no throttle.",
	withGroups(func(v *visit, s groupStore) {
		for i, l := range extremeLimits {
			g := usageplan.Group{ID: groupID(i), PlanID: "p", Throttle: &l, Quotas: []calendar.Quota{{Period: calendar.Hour}}, Version: 1}
			v.ok(s.InsertGroup(v.ctx, g))
			v.hasGroup(s, "a throttle of "+l.String(), g)
			if l.Unlimited() {
				continue
			}
			g.Throttle, g.Throttles = nil, []usageplan.Throttle{{Limit: l, Unit: "tokens"}}
			v.ok(s.UpdateGroup(v.ctx, g))
			g.Version++
			v.hasGroup(s, "a further throttle of "+l.String(), g)
		}
	}),
}, {
	"groups/times", "A time is kept as an instant, whatever its zone and its year from 1 to 9999, and only the zero time is zero.",
	withGroups(func(v *visit, s groupStore) {
		for i, at := range extremeTimes {
			g := usageplan.Group{ID: groupID(i), Created: at, Updated: at, Version: 1}
			v.ok(s.InsertGroup(v.ctx, g))
			v.hasGroup(s, "inserted at "+at.String(), g)
			g.Updated = extremeTimes[(i+1)%len(extremeTimes)]
			v.ok(s.UpdateGroup(v.ctx, g))
			g.Version++
			v.hasGroup(s, "updated at "+g.Updated.String(), g)
		}
	}),
}, {
	"groups/version-any", "A new group has Version 1, whatever the caller sets. An update of any other version than the stored " +
		"one, also of 0 or of one ahead, is a conflict and changes nothing.",
	withGroups(func(v *visit, s groupStore) {
		for i, version := range []int64{-1, 0, 2, 7, math.MaxInt64} {
			g := usageplan.Group{ID: groupID(i), Version: version}
			v.ok(s.InsertGroup(v.ctx, g))
			for stored := int64(1); stored < 3; stored++ {
				g.Version = stored
				for _, other := range []int64{-1, 0, stored - 1, stored + 1, stored + 1<<32} {
					v.wants(s.UpdateGroup(v.ctx, usageplan.Group{ID: g.ID, Name: "lost", Version: other}), usageplan.ErrConflict)
				}
				v.hasGroup(s, "the group", g)
				v.ok(s.UpdateGroup(v.ctx, g))
			}
		}
	}),
}, {
	"groups/again", "A call sees each write that has returned: a group that was missed and is then inserted, and a group " +
		"that was read and is then changed, deleted and inserted anew. The groups below it stay below its successor.",
	withGroups(func(v *visit, s groupStore) {
		below := aGroup(2)
		below.ParentID = groupID(1)
		has := func(g usageplan.Group) {
			for range 2 { // the second call finds what the first may have cached
				v.hasGroups(s, "present", g, below)
			}
		}
		lacks := func() {
			for range 2 {
				v.lacksGroup(s, groupID(1))
				v.hasGroups(s, "absent", below)
			}
		}
		v.ok(s.InsertGroup(v.ctx, below))
		lacks()
		g := aGroup(1)
		v.ok(s.InsertGroup(v.ctx, g))
		has(g)
		g.Name, g.Throttle, g.ParentID = "changed", nil, groupID(5)
		v.ok(s.UpdateGroup(v.ctx, g))
		g.Version++
		has(g)
		v.ok(s.DeleteGroup(v.ctx, g.ID, 2))
		lacks()
		g.Version, g.Name, g.PlanID = 1, "anew", planID(9)
		v.ok(s.InsertGroup(v.ctx, g))
		has(g)
		v.wants(s.UpdateGroup(v.ctx, usageplan.Group{ID: g.ID, Version: 2}), usageplan.ErrConflict)
		has(g)
	}),
}}

// groupsBesideOthers are cases of groups beside plans and keys.
var groupsBesideOthers = []directoryCase[usageplan.Store]{{
	"groups/other-ids", "A store keeps groups and plans apart: a group and a plan may have one ID.",
	withGroups(func(v *visit, s groupStore) {
		p, g := aPlan(0), aGroup(0)
		g.ID, g.ParentID, g.PlanID = p.ID, p.ID, p.ID
		v.ok(s.InsertPlan(v.ctx, p))
		v.lacksGroup(s, g.ID)
		v.ok(s.InsertGroup(v.ctx, g))
		v.hasPlan(s, "the plan", p)
		v.hasGroups(s, "the group", g)
		lists(v, "the plans", v.listedPlans(s, 5), []usageplan.Plan{p})
		v.ok(s.DeletePlan(v.ctx, p.ID, 1))
		v.hasGroups(s, "the group without the plan", g)
		v.ok(s.InsertPlan(v.ctx, p))
		v.ok(s.DeleteGroup(v.ctx, g.ID, 1))
		v.hasPlan(s, "the plan without the group", p)
	}),
}, {
	"groups/key-ids", "A store of keys and groups keeps them apart: a key and a group may have one ID. A key stays in its group, " +
		"whether the group exists or not, until an update of the key says otherwise.",
	withGroups(func(v *visit, s groupStore) {
		keys, ok := s.(apikey.Store)
		if !ok {
			v.skip("needs an apikey.Store")
		}
		k, g := aKey(0), aGroup(0)
		k.GroupID, g.ID, g.ParentID = k.ID, k.ID, ""
		inGroup := func(what string, id string, want ...apikey.Key) {
			v.listsKeys(keys, what, apikey.Filter{GroupID: id}, 2, want)
		}
		v.ok(keys.InsertKey(v.ctx, k))
		v.lacksGroup(s, g.ID)
		inGroup("before the group", g.ID, k)
		v.ok(s.InsertGroup(v.ctx, g))
		v.holds(keys, "the key", k)
		inGroup("in the group", g.ID, k)
		v.hasGroups(s, "the group", g)
		v.ok(s.UpdateGroup(v.ctx, g))
		v.ok(s.DeleteGroup(v.ctx, g.ID, 2))
		v.holds(keys, "the key without the group", k)
		inGroup("without the group", g.ID, k)
		v.ok(s.InsertGroup(v.ctx, g))
		inGroup("in the group that was inserted again", g.ID, k)
		k.GroupID = "another"
		v.ok(keys.UpdateKey(v.ctx, k))
		k.Version++
		v.holds(keys, "the key in another group", k)
		inGroup("in another group", "another", k)
		inGroup("in the first group", g.ID)
		v.ok(keys.DeleteKey(v.ctx, k.ID))
		v.hasGroups(s, "the group without the key", g)
		inGroup("after the key", "another")
	}),
}}
