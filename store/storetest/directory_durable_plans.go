package storetest

import (
	"slices"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// hasPlans checks that s finds each plan by its ID, and lists exactly these, in this
// order.
func hasPlans(v *visit, s usageplan.Store, want ...usageplan.Plan) {
	for _, p := range want {
		got, err := s.Plan(v.ctx, p.ID)
		v.ok(err)
		v.equal("plan "+p.ID, got, p)
	}
	all, _ := walk(v, func(cursor string) ([]usageplan.Plan, string, error) { return s.Plans(v.ctx, cursor, 2) })
	lists(v, "the listing of plans", all, want)
}

// hasLinks checks the links of a plan and of each key. The newest link comes first.
func hasLinks(v *visit, s usageplan.Store, planID string, want ...usageplan.Link) {
	all, _ := walk(v, func(cursor string) ([]usageplan.Link, string, error) { return s.PlanLinks(v.ctx, planID, cursor, 2) })
	lists(v, "the links of "+planID, all, want)
	for _, l := range want {
		ofKey, err := s.KeyLinks(v.ctx, l.KeyID)
		v.ok(err)
		ofKey = slices.DeleteFunc(ofKey, func(o usageplan.Link) bool { return o.PlanID != planID })
		lists(v, "the links of "+l.KeyID+" to "+planID, ofKey, []usageplan.Link{l})
	}
}

var durablePlans = []directoryCase[usageplan.Store]{{
	"reopen", "A store whose storage is opened again has every plan and every link as it was, in the same order.",
	withReopen(func(v *visit, s usageplan.Store, reopen func() usageplan.Store) {
		p := insertPlans(v, s, 3)
		for i := range 3 {
			v.ok(s.InsertLink(v.ctx, aLink(0, i)))
		}
		v.ok(s.InsertLink(v.ctx, aLink(1, 1)))
		s = reopen()
		hasPlans(v, s, p[2], p[1], p[0])
		hasLinks(v, s, p[0].ID, aLink(0, 2), aLink(0, 1), aLink(0, 0))
		ofKey, err := s.KeyLinks(v.ctx, keyID(1))
		v.ok(err)
		lists(v, "the links of key0001", ofKey, []usageplan.Link{aLink(0, 1), aLink(1, 1)})
	}),
}, {
	"reopen/version", "Plans and links keep their Versions when the storage is opened again.",
	withReopen(func(v *visit, s usageplan.Store, reopen func() usageplan.Store) {
		p, l := insertPlans(v, s, 1)[0], aLink(0, 0)
		v.ok(s.InsertLink(v.ctx, l))
		v.ok(s.UpdatePlan(v.ctx, p))
		v.ok(s.UpdateLink(v.ctx, l))
		s = reopen()
		v.wants(s.UpdatePlan(v.ctx, p), usageplan.ErrConflict)
		v.wants(s.UpdateLink(v.ctx, l), usageplan.ErrConflict)
		v.wants(s.DeletePlan(v.ctx, p.ID, 1), usageplan.ErrConflict)
		p.Version, l.Version = 2, 2
		v.ok(s.UpdatePlan(v.ctx, p))
		v.ok(s.UpdateLink(v.ctx, l))
	}),
}, {
	"reopen/changes", "The latest change of a plan or a link is kept, also its deletion. A link stays without its plan.",
	withReopen(func(v *visit, s usageplan.Store, reopen func() usageplan.Store) {
		p := insertPlans(v, s, 2)
		for i := range 3 {
			v.ok(s.InsertLink(v.ctx, aLink(0, i)))
		}
		v.ok(s.InsertLink(v.ctx, aLink(1, 1)))
		l := aLink(0, 2)
		l.Throttle, l.Throttles, l.Quotas = nil, []usageplan.Throttle{}, nil
		v.ok(s.UpdateLink(v.ctx, l))
		v.ok(s.DeleteLink(v.ctx, planID(0), keyID(0)))
		v.ok(s.DeletePlan(v.ctx, p[1].ID, 0))
		s = reopen()
		l.Version = 2
		hasPlans(v, s, p[0])
		hasLinks(v, s, planID(0), l, aLink(0, 1))
		hasLinks(v, s, planID(1), aLink(1, 1))
		ofKey, err := s.KeyLinks(v.ctx, keyID(0))
		v.ok(err)
		lists(v, "the links of key0000", ofKey, nil)
	}),
}, {
	"reopen/order", "A plan or a link that is inserted after the storage was opened again is the newest one.",
	withReopen(func(v *visit, s usageplan.Store, reopen func() usageplan.Store) {
		p := insertPlans(v, s, 2)
		for i := range 3 {
			v.ok(s.InsertLink(v.ctx, aLink(0, i)))
		}
		s = reopen()
		v.ok(s.InsertPlan(v.ctx, aPlan(9)))
		v.wants(s.InsertPlan(v.ctx, aPlan(0)), usageplan.ErrExists)
		v.ok(s.InsertLink(v.ctx, aLink(0, 9)))
		v.wants(s.InsertLink(v.ctx, aLink(0, 1)), usageplan.ErrExists)
		hasPlans(v, s, aPlan(9), p[1], p[0])
		hasLinks(v, s, planID(0), aLink(0, 9), aLink(0, 2), aLink(0, 1), aLink(0, 0))
	}),
}, {
	"peer", "Two stores over one storage are one: each sees at once which plans and links the other has inserted, changed " +
		"and deleted, also those that it has read before.",
	withPeer(func(v *visit, here, there usageplan.Store) {
		for _, s := range []struct{ here, there usageplan.Store }{{here, there}, {there, here}} {
			p, l := aPlan(0), aLink(0, 0)
			_, err := s.there.Plan(v.ctx, p.ID)
			v.wants(err, usageplan.ErrNotFound)
			hasLinks(v, s.there, p.ID)
			v.ok(s.here.InsertPlan(v.ctx, p))
			v.ok(s.here.InsertLink(v.ctx, l))
			hasPlans(v, s.there, p)
			hasLinks(v, s.there, p.ID, l)
			p.Throttle, l.Throttle = &limiter.Limit{Rate: 1, Burst: 1}, nil
			v.ok(s.here.UpdatePlan(v.ctx, p))
			v.ok(s.here.UpdateLink(v.ctx, l))
			p.Version, l.Version = 2, 2
			hasPlans(v, s.there, p)
			hasLinks(v, s.there, p.ID, l)
			v.ok(s.here.DeleteLink(v.ctx, p.ID, l.KeyID))
			v.ok(s.here.DeletePlan(v.ctx, p.ID, 2))
			hasPlans(v, s.there)
			ofKey, err := s.there.KeyLinks(v.ctx, l.KeyID)
			v.ok(err)
			lists(v, "the links of the key", ofKey, nil)
			_, err = s.there.Plan(v.ctx, p.ID)
			v.wants(err, usageplan.ErrNotFound)
		}
	}),
}, {
	"peer/version", "A change by one store makes what the other one has read out of date: its change gets ErrConflict.",
	withPeer(func(v *visit, here, there usageplan.Store) {
		p, l := insertPlans(v, here, 1)[0], aLink(0, 0)
		v.ok(there.InsertLink(v.ctx, l))
		v.wants(there.InsertPlan(v.ctx, p), usageplan.ErrExists)
		v.wants(here.InsertLink(v.ctx, l), usageplan.ErrExists)
		v.ok(there.UpdatePlan(v.ctx, p))
		v.wants(here.UpdatePlan(v.ctx, p), usageplan.ErrConflict)
		v.ok(here.UpdateLink(v.ctx, l))
		v.wants(there.UpdateLink(v.ctx, l), usageplan.ErrConflict)
		v.wants(there.DeletePlan(v.ctx, p.ID, 1), usageplan.ErrConflict)
		v.ok(there.DeletePlan(v.ctx, p.ID, 2))
		v.wants(here.DeletePlan(v.ctx, p.ID, 2), usageplan.ErrNotFound)
	}),
}, {
	"peer/notify", "A Notifier reports the changes that the other store has made, once it can read them.",
	withPeer(func(v *visit, here, there usageplan.Store) {
		n, ok := there.(usageplan.Notifier)
		if !ok {
			v.skip("needs a usageplan.Notifier")
		}
		heard, stop := listen(n, func(id string) string { return versions(v, there, id) })
		defer stop()
		insertPlans(v, here, 1)
		heard.wants(v, planID(0)+" 1 []")
		v.ok(here.InsertLink(v.ctx, aLink(0, 0)))
		heard.wants(v, keyID(0)+" gone [1]")
		v.ok(here.UpdatePlan(v.ctx, aPlan(0)))
		heard.wants(v, planID(0)+" 2 []")
		v.ok(here.DeleteLink(v.ctx, planID(0), keyID(0)))
		heard.wants(v, keyID(0)+" gone []")
		v.ok(here.DeletePlan(v.ctx, planID(0), 2))
		heard.wants(v, planID(0)+" gone []")
	}),
}}
