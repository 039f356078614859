package storetest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// hasPlan checks that a plan is read as want.
func (v *visit) hasPlan(s usageplan.Store, what string, want usageplan.Plan) {
	got, err := s.Plan(v.ctx, want.ID)
	v.ok(err)
	v.equal(what, got, want)
}

// lacksPlan checks that there is no plan with an ID.
func (v *visit) lacksPlan(s usageplan.Store, id string) {
	_, err := s.Plan(v.ctx, id)
	v.wants(err, usageplan.ErrNotFound)
}

// listedPlans returns the whole listing of plans, page by page.
func (v *visit) listedPlans(s usageplan.Store, limit int) []usageplan.Plan {
	all, _ := walk(v, func(cursor string) ([]usageplan.Plan, string, error) { return s.Plans(v.ctx, cursor, limit) })
	return all
}

// unfavourablePlans are the cases of plans that a store may confuse, cut or keep wrongly.
var unfavourablePlans = []directoryCase[usageplan.Store]{{
	"ids", "An ID is compared byte by byte: two IDs that differ in any way belong to two plans.",
	func(v *visit, s usageplan.Store) {
		var plans []usageplan.Plan
		for i, id := range hostileIDs {
			plans = append(plans, usageplan.Plan{ID: id, Name: fmt.Sprint(i), Version: 1})
			v.okAt(s.InsertPlan(v.ctx, plans[i]), "insert", id)
		}
		for i := range plans {
			plans[i].Name += " updated"
			v.okAt(s.UpdatePlan(v.ctx, plans[i]), "update", plans[i].ID)
			plans[i].Version++
		}
		for _, p := range plans {
			v.hasPlan(s, "one of many IDs", p)
		}
		byID := func(a, b usageplan.Plan) int { return strings.Compare(a.ID, b.ID) }
		lists(v, "the listing", slices.SortedFunc(slices.Values(v.listedPlans(s, 7)), byID), slices.SortedFunc(slices.Values(plans), byID))
		for i, p := range plans {
			v.okAt(s.DeletePlan(v.ctx, p.ID, 0), "deletion", p.ID)
			for _, rest := range plans[i+1:] {
				_, err := s.Plan(v.ctx, rest.ID)
				v.okAt(err, "after a deletion, the second", p.ID, rest.ID)
			}
		}
	},
}, {
	"bounds", "A store keeps each field of a plan at its bounds, every text byte for byte, and lists in their order.",
	func(v *visit, s usageplan.Store) {
		full := fullPlan()
		v.ok(s.InsertPlan(v.ctx, full))
		v.hasPlan(s, "inserted", full)
		lists(v, "the listing", v.listedPlans(s, 1), []usageplan.Plan{full})
		bare := usageplan.Plan{ID: full.ID, Detached: true, Version: 1}
		v.ok(s.UpdatePlan(v.ctx, bare))
		full.Version = 2
		v.ok(s.UpdatePlan(v.ctx, full))
		full.Version = 3
		v.hasPlan(s, "updated", full)

		classes := fullClasses()
		v.ok(s.InsertPlan(v.ctx, classes))
		v.hasPlan(s, "inserted with limits of classes", classes)
		v.ok(s.UpdatePlan(v.ctx, usageplan.Plan{ID: classes.ID, Version: 1}))
		v.hasPlan(s, "updated to no limits of classes", usageplan.Plan{ID: classes.ID, Version: 2})
		classes.Version = 2
		v.ok(s.UpdatePlan(v.ctx, classes))
		classes.Version = 3
		v.hasPlan(s, "updated with limits of classes", classes)
	},
}, {
	"limits", "A store keeps each Rate and Limit exactly. A throttle that blocks differs from no throttle.",
	func(v *visit, s usageplan.Store) {
		for i, l := range extremeLimits {
			p := usageplan.Plan{ID: planID(i), Throttle: &l, Quotas: []calendar.Quota{{Period: calendar.Hour}}, Version: 1}
			v.ok(s.InsertPlan(v.ctx, p))
			v.hasPlan(s, "a throttle of "+l.String(), p)
			link := usageplan.Link{PlanID: p.ID, KeyID: keyID(i), Allowance: "s", Throttle: &l, Version: 1}
			v.ok(s.InsertLink(v.ctx, link))
			links, err := s.KeyLinks(v.ctx, link.KeyID)
			v.ok(err)
			lists(v, "a link's throttle of "+l.String(), links, []usageplan.Link{link})
			if l.Unlimited() {
				continue
			}
			p.Throttle, p.Throttles = nil, []usageplan.Throttle{{Limit: l, Unit: "tokens"}}
			v.ok(s.UpdatePlan(v.ctx, p))
			p.Version++
			v.hasPlan(s, "a further throttle of "+l.String(), p)
		}
	},
}, {
	"times", "A time is kept as an instant, whatever its zone and its year from 1 to 9999, and only the zero time is zero.",
	func(v *visit, s usageplan.Store) {
		for i, at := range extremeTimes {
			p := usageplan.Plan{ID: planID(i), Created: at, Updated: at, Version: 1}
			v.ok(s.InsertPlan(v.ctx, p))
			v.hasPlan(s, "inserted at "+at.String(), p)
			p.Updated = extremeTimes[(i+1)%len(extremeTimes)]
			v.ok(s.UpdatePlan(v.ctx, p))
			p.Version++
			v.hasPlan(s, "updated at "+p.Updated.String(), p)
			link := usageplan.Link{PlanID: p.ID, KeyID: keyID(i), Allowance: "s", Created: at, Version: 1}
			v.ok(s.InsertLink(v.ctx, link))
			links, _, err := s.PlanLinks(v.ctx, link.PlanID, "", 5)
			v.ok(err)
			lists(v, "a link of "+at.String(), links, []usageplan.Link{link})
		}
	},
}, {
	"version/any", "A new plan and a new link have Version 1, whatever the caller sets. An update of any other version than " +
		"the stored one, also of 0 or of one ahead, is a conflict and changes nothing.",
	func(v *visit, s usageplan.Store) {
		for i, version := range []int64{-1, 0, 2, 7, math.MaxInt64} {
			p, l := usageplan.Plan{ID: planID(i), Version: version}, usageplan.Link{PlanID: planID(i), KeyID: keyID(i), Allowance: "s", Version: version}
			v.ok(s.InsertPlan(v.ctx, p))
			v.ok(s.InsertLink(v.ctx, l))
			for stored := int64(1); stored < 3; stored++ {
				p.Version, l.Version = stored, stored
				v.hasPlan(s, "the plan", p)
				links, err := s.KeyLinks(v.ctx, l.KeyID)
				v.ok(err)
				lists(v, "the link", links, []usageplan.Link{l})
				for _, other := range []int64{-1, 0, stored - 1, stored + 1, stored + 1<<32} {
					v.wants(s.UpdatePlan(v.ctx, usageplan.Plan{ID: p.ID, Name: "lost", Version: other}), usageplan.ErrConflict)
					v.wants(s.UpdateLink(v.ctx, usageplan.Link{PlanID: l.PlanID, KeyID: l.KeyID, Allowance: "lost", Version: other}), usageplan.ErrConflict)
				}
				v.ok(s.UpdatePlan(v.ctx, p))
				v.ok(s.UpdateLink(v.ctx, l))
			}
		}
	},
}, {
	"again", "A call sees each write that has returned: a plan that was missed and is then inserted, and a plan that was " +
		"read and is then changed, deleted and inserted anew. The links of a deleted plan are those of its successor.",
	func(v *visit, s usageplan.Store) {
		read := func(p usageplan.Plan) {
			for range 2 { // the second call finds what the first may have cached
				v.hasPlan(s, "present", p)
			}
		}
		p, l := aPlan(0), aLink(0, 0)
		for range 2 {
			v.lacksPlan(s, p.ID)
		}
		v.ok(s.InsertLink(v.ctx, l))
		v.ok(s.InsertPlan(v.ctx, p))
		read(p)
		p.Name, p.Throttle = "changed", nil
		v.ok(s.UpdatePlan(v.ctx, p))
		p.Version++
		read(p)
		v.ok(s.DeletePlan(v.ctx, p.ID, 2))
		for range 2 {
			v.lacksPlan(s, p.ID)
		}
		p.Version, p.Name = 1, "anew"
		v.ok(s.InsertPlan(v.ctx, p))
		read(p)
		links, _, err := s.PlanLinks(v.ctx, p.ID, "", 5)
		v.ok(err)
		lists(v, "the links", links, []usageplan.Link{l})
	},
}, {
	"list/order", "The plan that was inserted last is listed first. Neither an ID, a time nor an update moves a plan, and a " +
		"plan that was deleted and inserted again is new.",
	func(v *visit, s usageplan.Store) {
		plans := insertPlans(v, s, 12)
		for i := range plans { // now the oldest has been updated last
			p := &plans[len(plans)-1-i]
			p.Updated, p.Created = aFuture.Add(time.Duration(i)*time.Hour), aFuture.Add(time.Duration(-i)*time.Hour)
			v.ok(s.UpdatePlan(v.ctx, *p))
			p.Version++
		}
		lists(v, "after updates", v.listedPlans(s, 5), reversed(plans))
		again := plans[4]
		again.Version = 1
		v.ok(s.DeletePlan(v.ctx, again.ID, 0))
		v.ok(s.InsertPlan(v.ctx, again))
		plans = append(append(plans[:4:4], plans[5:]...), again)
		lists(v, "with a plan that was inserted again", v.listedPlans(s, 5), reversed(plans))
		for _, limit := range []int{math.MaxInt32, math.MaxInt - 1, math.MaxInt} {
			lists(v, fmt.Sprint("by ", limit), v.listedPlans(s, limit), reversed(plans))
		}
	},
}, {
	"list/deleted", "A listing of plans goes on at its cursor though the plans beside the cursor are deleted. If the rest is " +
		"deleted, the next page is empty and the last.",
	func(v *visit, s usageplan.Store) {
		insertPlans(v, s, 12)
		plans := v.listedPlans(s, 12)
		page, cursor, err := s.Plans(v.ctx, "", 4)
		v.ok(err)
		n := len(page)
		if n == 0 || n > 4 || cursor == "" {
			v.failf("a page of %d of 12 plans with the cursor %q: want 1 to 4, and a cursor", n, cursor)
		}
		for _, p := range plans[n-1 : n+2] { // the last of the page, and the next two
			v.ok(s.DeletePlan(v.ctx, p.ID, 0))
		}
		rest, next, err := s.Plans(v.ctx, cursor, 4)
		v.ok(err)
		if len(rest) == 0 {
			v.failf("an empty page: want plan %s", plans[n+2].ID)
		}
		lists(v, "the next page", rest, plans[n+2:n+2+len(rest)])
		for _, p := range plans[n+2:] {
			v.ok(s.DeletePlan(v.ctx, p.ID, 0))
		}
		for next != "" {
			rest, next, err = s.Plans(v.ctx, next, 4)
			v.ok(err)
			lists(v, "the rest", rest, nil)
		}
	},
}, {
	"both/ids", "A store of both keys and plans keeps them apart: a key and a plan may have one ID.",
	func(v *visit, s usageplan.Store) {
		keys, ok := s.(apikey.Store)
		if !ok {
			return
		}
		k, p := aKey(0), aPlan(0)
		p.ID = k.ID
		l := usageplan.Link{PlanID: p.ID, KeyID: k.ID, Allowance: "s", Throttle: &limiter.Limit{Rate: 1}, Version: 1}
		v.ok(keys.InsertKey(v.ctx, k))
		v.ok(s.InsertPlan(v.ctx, p))
		v.ok(s.InsertLink(v.ctx, l))
		v.holds(keys, "the key", k)
		v.hasPlan(s, "the plan", p)
		v.listsKeys(keys, "the keys", apikey.Filter{}, 5, []apikey.Key{k})
		lists(v, "the plans", v.listedPlans(s, 5), []usageplan.Plan{p})
		v.ok(s.DeletePlan(v.ctx, p.ID, 1))
		v.holds(keys, "the key without the plan", k)
		links, err := s.KeyLinks(v.ctx, k.ID)
		v.ok(err)
		lists(v, "the links without the plan", links, []usageplan.Link{l})
	},
}}
