package storetest

import (
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// withGroupReopen makes a case of a test that opens its store of groups again.
func withGroupReopen(test func(v *visit, s groupStore, reopen func() groupStore)) func(v *visit, s usageplan.Store) {
	return withGroups(func(v *visit, s groupStore) {
		if v.reopen == nil {
			v.skip("needs Directory.Reopen")
		}
		test(v, s, func() groupStore { return v.reopen().(groupStore) })
	})
}

// withGroupPeer makes a case of a test with two stores of groups over one storage.
func withGroupPeer(test func(v *visit, here, there groupStore)) func(v *visit, s usageplan.Store) {
	return withGroups(func(v *visit, s groupStore) {
		if v.peer == nil {
			v.skip("needs Directory.Peer")
		}
		test(v, s, v.peer().(groupStore))
	})
}

var durableGroups = []directoryCase[usageplan.Store]{{
	"groups/reopen", "A store whose storage is opened again has every group as it was, in the same order, and finds it by " +
		"every filter.",
	withGroupReopen(func(v *visit, s groupStore, reopen func() groupStore) {
		groups := insertGroups(v, s, 7)
		bare := usageplan.Group{ID: "bare"}
		v.ok(s.InsertGroup(v.ctx, bare))
		bare.Version = 1
		v.hasGroups(reopen(), "after the start", reversed(append(groups, bare))...)
	}),
}, {
	"groups/reopen-version", "Groups keep their Versions when the storage is opened again.",
	withGroupReopen(func(v *visit, s groupStore, reopen func() groupStore) {
		g := insertGroups(v, s, 1)[0]
		v.ok(s.UpdateGroup(v.ctx, g))
		s = reopen()
		v.wants(s.UpdateGroup(v.ctx, g), usageplan.ErrConflict)
		v.wants(s.DeleteGroup(v.ctx, g.ID, 1), usageplan.ErrConflict)
		g.Version = 2
		v.ok(s.UpdateGroup(v.ctx, g))
		v.ok(reopen().DeleteGroup(v.ctx, g.ID, 3))
	}),
}, {
	"groups/reopen-changes", "The latest change of a group is kept, also its deletion. A group stays without its parent and its plan.",
	withGroupReopen(func(v *visit, s groupStore, reopen func() groupStore) {
		plans, groups := insertPlans(v, s, 1), insertGroups(v, s, 5)
		moved := &groups[4]
		moved.ParentID, moved.PlanID, moved.Throttle, moved.Throttles, moved.Quotas = groupID(3), planID(8), nil, []usageplan.Throttle{}, nil
		v.ok(s.UpdateGroup(v.ctx, *moved))
		moved.Version++
		v.ok(s.DeleteGroup(v.ctx, groups[0].ID, 0)) // the parent of the next, and its plan
		v.ok(s.DeletePlan(v.ctx, plans[0].ID, 0))
		v.ok(s.DeleteGroup(v.ctx, groups[2].ID, 1))
		s = reopen()
		v.lacksGroup(s, groups[0].ID)
		v.lacksGroup(s, groups[2].ID)
		v.hasGroups(s, "after the start", groups[4], groups[3], groups[1])
		v.listsGroups(s, "of the first parent", usageplan.GroupFilter{ParentID: groupID(2)}, 5, nil)
	}),
}, {
	"groups/reopen-order", "A group that is inserted after the storage was opened again is the newest one, and as unique as before.",
	withGroupReopen(func(v *visit, s groupStore, reopen func() groupStore) {
		groups := insertGroups(v, s, 3)
		s = reopen()
		v.ok(s.InsertGroup(v.ctx, aGroup(9)))
		v.wants(s.InsertGroup(v.ctx, aGroup(0)), usageplan.ErrExists)
		v.ok(s.DeleteGroup(v.ctx, groups[1].ID, 0))
		v.ok(s.InsertGroup(v.ctx, groups[1]))
		v.hasGroups(s, "after the start", groups[1], aGroup(9), groups[2], groups[0])
	}),
}, {
	"groups/reopen-keys", "A store of keys and groups that is opened again finds the keys of a group.",
	withGroupReopen(func(v *visit, s groupStore, reopen func() groupStore) {
		keys, ok := s.(apikey.Store)
		if !ok {
			v.skip("needs an apikey.Store")
		}
		k := insertKeys(v, keys, 8)
		k[5].GroupID = groupID(0)
		v.ok(keys.UpdateKey(v.ctx, k[5]))
		k[5].Version++
		keys = reopen().(apikey.Store)
		for _, id := range []string{groupID(0), groupID(1), groupID(2), "none"} {
			var want []apikey.Key
			for i := range k {
				if k[i].GroupID == id {
					want = append(want, k[i])
				}
			}
			lists(v, "the keys of a group", v.listed(keys, apikey.Filter{GroupID: id}, 2), reversed(want))
		}
	}),
}}

var peerGroups = []directoryCase[usageplan.Store]{{
	"groups/peer", "Two stores over one storage are one: each sees at once which groups the other has inserted, changed and " +
		"deleted, also those that it has read or missed before.",
	withGroupPeer(func(v *visit, here, there groupStore) {
		for _, s := range []struct{ here, there groupStore }{{here, there}, {there, here}} {
			g, below := aGroup(0), aGroup(1)
			v.lacksGroup(s.there, g.ID)
			v.hasGroups(s.there, "none")
			v.ok(s.here.InsertGroup(v.ctx, g))
			v.hasGroups(s.there, "inserted", g)
			v.ok(s.there.InsertGroup(v.ctx, below))
			v.hasGroups(s.here, "inserted", below, g)
			g.Throttle, g.ParentID, g.PlanID = &limiter.Limit{Rate: 1, Burst: 1}, below.ID, planID(7)
			v.ok(s.here.UpdateGroup(v.ctx, g))
			g.Version++
			v.hasGroups(s.there, "updated", below, g)
			v.listsGroups(s.there, "of the first plan", usageplan.GroupFilter{PlanID: planID(0)}, 3, nil)
			v.ok(s.here.DeleteGroup(v.ctx, g.ID, 2))
			v.lacksGroup(s.there, g.ID)
			v.hasGroups(s.there, "deleted", below)
			v.ok(s.there.DeleteGroup(v.ctx, below.ID, 0))
			v.hasGroups(s.here, "deleted")
		}
	}),
}, {
	"groups/peer-version", "A change of a group by one store makes what the other one has read out of date: its change gets ErrConflict.",
	withGroupPeer(func(v *visit, here, there groupStore) {
		g := insertGroups(v, here, 1)[0]
		v.wants(there.InsertGroup(v.ctx, g), usageplan.ErrExists)
		for range 3 {
			v.hasGroup(there, "as read", g)
			v.ok(here.UpdateGroup(v.ctx, g))
			v.wants(there.UpdateGroup(v.ctx, g), usageplan.ErrConflict)
			v.wants(there.DeleteGroup(v.ctx, g.ID, g.Version), usageplan.ErrConflict)
			g.Version++
			here, there = there, here
		}
		v.ok(there.DeleteGroup(v.ctx, g.ID, g.Version))
		v.wants(here.DeleteGroup(v.ctx, g.ID, g.Version), usageplan.ErrNotFound)
		v.wants(here.UpdateGroup(v.ctx, g), usageplan.ErrNotFound)
	}),
}, {
	"groups/peer-notify", "A Notifier reports the changes of groups that the other store has made, once it can read them.",
	withGroupPeer(func(v *visit, here, there groupStore) {
		n, ok := there.(usageplan.Notifier)
		if !ok {
			v.skip("needs a usageplan.Notifier")
		}
		heard, stop := listen(n, func(id string) string { return groupVersion(v, there, id) })
		defer stop()
		g := insertGroups(v, here, 1)[0]
		heard.wants(v, g.ID+" 1")
		v.ok(here.UpdateGroup(v.ctx, g))
		heard.wants(v, g.ID+" 2")
		v.ok(here.DeleteGroup(v.ctx, g.ID, 2))
		heard.wants(v, g.ID+" gone")
	}),
}}

// groupVersion returns what can be read of a group.
func groupVersion(v *visit, s groupStore, id string) string {
	g, err := s.Group(v.ctx, id)
	return versionRead(g.Version, err)
}

var notifyGroups = []directoryCase[usageplan.Store]{{
	"groups/notify", "A Notifier reports each change of a group once it can be read, with the ID of the group alone. It " +
		"reports no change that failed, and nothing after it was stopped.",
	withGroups(func(v *visit, s groupStore) {
		n, ok := s.(usageplan.Notifier)
		if !ok {
			v.skip("needs a usageplan.Notifier")
		}
		read := func(id string) string { return groupVersion(v, s, id) }
		heard, stop := listen(n, read)
		other, stopOther := listen(n, read)
		defer stopOther()
		told := func(want string) {
			heard.wants(v, want)
			other.wants(v, want)
		}
		g, below := aGroup(0), aGroup(1)
		v.ok(s.InsertGroup(v.ctx, g))
		told(g.ID + " 1")
		v.wants(s.InsertGroup(v.ctx, g), usageplan.ErrExists)
		v.ok(s.InsertGroup(v.ctx, below))
		told(below.ID + " 1")
		v.ok(s.UpdateGroup(v.ctx, g))
		told(g.ID + " 2")
		v.wants(s.UpdateGroup(v.ctx, g), usageplan.ErrConflict)
		v.wants(s.UpdateGroup(v.ctx, aGroup(7)), usageplan.ErrNotFound)
		v.wants(s.DeleteGroup(v.ctx, g.ID, 1), usageplan.ErrConflict)
		below.ParentID, below.PlanID = "", planID(5)
		v.ok(s.UpdateGroup(v.ctx, below))
		told(below.ID + " 2")
		v.ok(s.DeleteGroup(v.ctx, g.ID, 2))
		told(g.ID + " gone")
		v.wants(s.DeleteGroup(v.ctx, g.ID, 0), usageplan.ErrNotFound)
		v.ok(s.DeleteGroup(v.ctx, below.ID, 0))
		told(below.ID + " gone")
		stop()
		v.ok(s.InsertGroup(v.ctx, g))
		other.wants(v, g.ID+" 1")
		v.ok(s.DeleteGroup(v.ctx, g.ID, 1))
		other.wants(v, g.ID+" gone")
		heard.wants(v)
	}),
}}
