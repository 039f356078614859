package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// groupDirectory is a store of keys, plans and groups that answers a look-up in one call.
type groupDirectory interface {
	directory
	usageplan.GroupStore
}

// withGroupAccess makes a case of AccessReader with groups a case of stores of plans. It
// skips other stores.
func withGroupAccess(test func(v *visit, s groupDirectory)) func(v *visit, s usageplan.Store) {
	return func(v *visit, s usageplan.Store) {
		d, ok := s.(groupDirectory)
		if !ok {
			v.skip("needs a usageplan.AccessReader and a usageplan.GroupStore of one store with the keys")
		}
		test(v, d)
	}
}

// accessTo returns what each method of an AccessReader returns for a key.
func (v *visit) accessTo(s directory, k apikey.Key) map[string]usageplan.Access {
	all := map[string]usageplan.Access{}
	var err error
	all["by id"], err = s.AccessByKey(v.ctx, k.ID)
	v.ok(err)
	all["by digest"], err = s.AccessByDigest(v.ctx, k.Digest)
	v.ok(err)
	all["by retiring digest"], err = s.AccessByDigest(v.ctx, k.Retiring)
	v.ok(err)
	return all
}

var groupAccess = []directoryCase[usageplan.Store]{{
	"access/groups", "An Access has the key's group and those above it, from the bottom to the root. The list ends at a group " +
		"that does not exist, and has at most MaxGroups+1 groups, however long the way to the root is, or if it is a cycle.",
	withGroupAccess(func(v *visit, s groupDirectory) {
		// in each of these texts a group is directly below the next one
		for i, way := range []string{
			"", "-", "a", "ab", "abc", "abcd", "abcde", "abcdefgh", // long ways
			"a-", "ab-d", "a-c", // groups that do not exist
			"aa", "aba", "abb", "abca", "abcc", "abcdd", // cycles
		} {
			id := func(j int) string {
				if j >= len(way) {
					return ""
				}
				return fmt.Sprintf("%c%d", way[j], i)
			}
			k := aKey(i)
			k.GroupID = id(0)
			v.ok(s.InsertKey(v.ctx, k))
			for j, seen := 0, map[byte]bool{}; j < len(way); j++ {
				if way[j] != '-' && !seen[way[j]] {
					v.ok(s.InsertGroup(v.ctx, usageplan.Group{ID: id(j), ParentID: id(j + 1), PlanID: planID(j)}))
					v.ok(s.InsertPlan(v.ctx, usageplan.Plan{ID: id(j) + "-plan"}))
					seen[way[j]] = true
				}
			}
			for by, a := range v.accessTo(s, k) {
				v.sameAccess(s, fmt.Sprintf("way %q, %s", way, by), a, nil, k, nil)
			}
		}
	}),
}, {
	"access/groups-plans", "An Access has the plans of the links and of the groups, each once, also if several of them have one plan. " +
		"A plan that does not exist is left out.",
	withGroupAccess(func(v *visit, s groupDirectory) {
		for i := range 3 {
			v.ok(s.InsertPlan(v.ctx, aPlan(i)))
		}
		n := 0
		for _, linked := range [][]int{nil, {0}, {0, 1}, {1, 7}} {
			for _, ofGroups := range [][]int{{0}, {2}, {0, 0}, {0, 1}, {1, 2, 0}, {2, 2, 2}, {8}, {8, 1}, {-1}, {-1, 0}, {0, -1, 2}} {
				n++
				k := aKey(n)
				k.GroupID = groupID(10*n + 1)
				v.ok(s.InsertKey(v.ctx, k))
				for _, p := range linked {
					v.ok(s.InsertLink(v.ctx, usageplan.Link{PlanID: planID(p), KeyID: k.ID, Allowance: "a"}))
				}
				for j, p := range ofGroups {
					g := usageplan.Group{ID: groupID(10*n + j + 1)}
					if j+1 < len(ofGroups) {
						g.ParentID = groupID(10*n + j + 2)
					}
					if p >= 0 {
						g.PlanID = planID(p)
					}
					v.ok(s.InsertGroup(v.ctx, g))
				}
				for by, a := range v.accessTo(s, k) {
					v.sameAccess(s, fmt.Sprint("links ", linked, ", groups ", ofGroups, ", ", by), a, nil, k, nil)
				}
			}
		}
	}),
}, {
	"access/groups-instant", "The key and the groups that an AccessReader returns were current at one instant.",
	withGroupAccess(func(v *visit, s groupDirectory) {
		k, root := aKey(0), usageplan.Group{ID: "root", Version: 1}
		k.GroupID = "even"
		for _, g := range []usageplan.Group{root, {ID: "even", ParentID: "root"}, {ID: "odd", ParentID: "root"}} {
			v.ok(s.InsertGroup(v.ctx, g))
		}
		v.ok(s.InsertKey(v.ctx, k))
		// the key is at most one version ahead of the root, and never behind it
		v.meanwhile(60, func(i int) {
			k.GroupID = []string{"odd", "even"}[i%2]
			v.ok(s.UpdateKey(v.ctx, k))
			v.ok(s.UpdateGroup(v.ctx, root))
			k.Version++
			root.Version++
		}, func() {
			for range 5 {
				a, err := s.AccessByDigest(v.ctx, aKey(0).Digest)
				v.ok(err)
				lists(v, "the groups of the key of that instant", groupIDs(a.Groups), []string{a.Key.GroupID, "root"})
				if ahead := a.Key.Version - a.Groups[1].Version; ahead != 0 && ahead != 1 {
					v.failf("version %d of the key with version %d of a group, which were never current together", a.Key.Version, a.Groups[1].Version)
				}
			}
		})
	}),
}, {
	"access/groups-copies", "An AccessReader returns no group that it shares with a later result.",
	withGroupAccess(func(v *visit, s groupDirectory) {
		k, g, p := aKey(0), aGroup(0), aPlan(0)
		k.GroupID, g.ParentID = g.ID, ""
		v.ok(s.InsertKey(v.ctx, k))
		v.ok(s.InsertGroup(v.ctx, g))
		v.ok(s.InsertPlan(v.ctx, p))
		for range 2 {
			for by, a := range v.accessTo(s, k) {
				lists(v, by+": the groups", a.Groups, []usageplan.Group{aGroupAlone(0)})
				lists(v, by+": the plans", a.Plans, []usageplan.Plan{aPlan(0)})
				a.Groups[0].Quotas[0].Limit, a.Groups[0].Throttle.Burst, a.Groups[0].Name = 99, 99, "changed"
				a.Groups[0].Throttles[0].Name, a.Plans[0].Throttles[0].Name = "changed", "changed"
				a.Plans[0].Quotas[0].Limit, a.Plans[0].Routes["GET /changed"] = 99, limiter.Limit{}
				changeClasses(a.Plans[0])
			}
			v.hasGroup(s, "the group", aGroupAlone(0))
		}
	}),
}}

// aGroupAlone returns the i-th group without a parent.
func aGroupAlone(i int) usageplan.Group {
	g := aGroup(i)
	g.ParentID = ""
	return g
}

// groupAccessAgain are cases of AccessReader after changes that a store may overlook.
var groupAccessAgain = []directoryCase[usageplan.Store]{{
	"access/groups-again", "An AccessReader sees each write that has returned: a key that moves to another group, and groups and " +
		"their plans that are inserted, updated and deleted.",
	withGroupAccess(func(v *visit, s groupDirectory) {
		k, team, org := aKey(0), aGroup(1), aGroup(3)
		k.GroupID, team.ParentID, org.ParentID = team.ID, org.ID, ""
		read := func(what string, groups ...usageplan.Group) {
			for range 2 { // the second call finds what the first may have cached
				for by, a := range v.accessTo(s, k) {
					what := what + ", " + by
					lists(v, what+": the groups", a.Groups, groups)
					v.sameAccess(s, what, a, nil, k, nil)
				}
			}
		}
		v.ok(s.InsertKey(v.ctx, k))
		read("the group is missing")
		v.ok(s.InsertGroup(v.ctx, org))
		read("the group between is missing")
		v.ok(s.InsertGroup(v.ctx, team))
		read("both are there", team, org)
		for i := range 3 {
			v.ok(s.InsertPlan(v.ctx, aPlan(i)))
			read("a plan was inserted", team, org)
		}
		team.Throttle = nil
		v.ok(s.UpdateGroup(v.ctx, team))
		team.Version++
		read("the group was updated", team, org)
		org.PlanID = planID(2)
		v.ok(s.UpdateGroup(v.ctx, org))
		org.Version++
		read("the root was updated", team, org)
		p := aPlan(2)
		p.Name = "changed"
		v.ok(s.UpdatePlan(v.ctx, p))
		read("the root's plan was updated", team, org)
		v.ok(s.DeletePlan(v.ctx, p.ID, 2))
		read("the root's plan was deleted", team, org)
		k.GroupID = org.ID
		v.ok(s.UpdateKey(v.ctx, k))
		k.Version++
		read("the key moved to the root", org)
		k.GroupID = team.ID
		v.ok(s.UpdateKey(v.ctx, k))
		k.Version++
		v.ok(s.DeleteGroup(v.ctx, org.ID, 0))
		read("the root was deleted", team)
		org.Version, org.Name = 1, "anew"
		v.ok(s.InsertGroup(v.ctx, org))
		read("the root was inserted again", team, org)
		v.ok(s.DeleteGroup(v.ctx, team.ID, 0))
		read("the group was deleted")
		k.GroupID = ""
		v.ok(s.UpdateKey(v.ctx, k))
		k.Version++
		read("the key left its group")
	}),
}}

// groupsOfHistory is the number of groups in a random history.
const groupsOfHistory = 5

// changeAnyGroup makes one random change of a group. Some changes make cycles.
func changeAnyGroup(ctx context.Context, s usageplan.GroupStore, rnd *rand.Rand) error {
	g := aGroup(rnd.IntN(groupsOfHistory))
	switch rnd.IntN(4) {
	case 0, 1:
		return s.InsertGroup(ctx, g)
	case 2:
		old, err := s.Group(ctx, g.ID)
		if err != nil {
			return err
		}
		g.ParentID, g.Version = groupID(rnd.IntN(groupsOfHistory)), old.Version
		if rnd.IntN(3) == 0 {
			g.ParentID, g.PlanID = "", ""
		}
		return s.UpdateGroup(ctx, g)
	default:
		return s.DeleteGroup(ctx, g.ID, 0)
	}
}

// groupsAbove returns the group with an ID and those above it, as single calls find them:
// at most MaxGroups+1, and none if s is no GroupStore.
func (v *visit) groupsAbove(s any, id string) (groups []usageplan.Group) {
	store, ok := s.(groupStore)
	for ok && id != "" && len(groups) <= usageplan.MaxGroups {
		g, err := store.Group(v.ctx, id)
		if err != nil {
			v.wants(err, usageplan.ErrNotFound)
			break
		}
		groups = append(groups, g)
		id = g.ParentID
	}
	return groups
}

// sameGroups checks the groups of an Access. If they are a cycle, the Access need not
// have a group twice.
func (v *visit) sameGroups(what string, got, want []usageplan.Group) {
	distinct := map[string]bool{}
	for _, g := range want {
		distinct[g.ID] = true
	}
	if n := len(distinct); n <= len(got) && len(got) < len(want) {
		want = want[:len(got)]
	}
	lists(v, what, got, want)
}
