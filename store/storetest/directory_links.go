package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// linksOf checks which links a key and a plan have, in any order: those of all that have
// its ID. No two links of all have the same allowance.
func (v *visit) linksOf(s usageplan.Store, what, id string, all []usageplan.Link) {
	ofKey, ofPlan := ofID(id, all)
	lists(v, fmt.Sprintf("%s: links of key %q", what, id), byAllowance(v.keyLinks(s, id)), byAllowance(ofKey))
	lists(v, fmt.Sprintf("%s: links of plan %q", what, id), byAllowance(v.planLinks(s, id, 9)), byAllowance(ofPlan))
}

// ofID returns the links of a key and of a plan, in the order of all.
func ofID(id string, all []usageplan.Link) (ofKey, ofPlan []usageplan.Link) {
	for _, l := range all {
		if l.KeyID == id {
			ofKey = append(ofKey, l)
		}
		if l.PlanID == id {
			ofPlan = append(ofPlan, l)
		}
	}
	return ofKey, ofPlan
}

func byAllowance(links []usageplan.Link) []usageplan.Link {
	return slices.SortedFunc(slices.Values(links), func(a, b usageplan.Link) int { return strings.Compare(a.Allowance, b.Allowance) })
}

func (v *visit) keyLinks(s usageplan.Store, id string) []usageplan.Link {
	links, err := s.KeyLinks(v.ctx, id)
	v.ok(err)
	return links
}

func (v *visit) planLinks(s usageplan.Store, id string, limit int) []usageplan.Link {
	all, _ := walk(v, func(cursor string) ([]usageplan.Link, string, error) { return s.PlanLinks(v.ctx, id, cursor, limit) })
	return all
}

// joinedIDs are IDs of which two joined to one text may be the text of two others.
var joinedIDs = []string{"a", "a-a", "a_a", "aa", "A", "-a", "a-", "_", "1", "11", "a/a", "a:a", "a#a", "é", "e\u0301"}

// boundLinks returns links with each field at its bounds.
func boundLinks() []usageplan.Link {
	return []usageplan.Link{
		{
			Allowance: strings.Repeat(fourBytes, 32), Throttle: &limiter.Limit{Rate: 1.0 / 3, Burst: 1},
			Throttles: extremeThrottles(), Quotas: extremeQuotas(), Alerts: mostAlerts(),
		},
		{Allowance: " /\u00a0\u2028<%_*'\"\\", Quotas: []calendar.Quota{{Period: calendar.Minute}}, Throttle: &limiter.Limit{}},
		{Allowance: "e\u0301", Quotas: []calendar.Quota{}, Throttle: &limiter.Limit{Burst: 3}},
		{Allowance: "s", Throttles: []usageplan.Throttle{}},
		{Allowance: "s", Alerts: []int{}},
		{Allowance: "s", Throttles: []usageplan.Throttle{{}}, Quotas: []calendar.Quota{}},
	}
}

// unfavourableLinks are the cases of links that a store may confuse or keep wrongly.
var unfavourableLinks = []directoryCase[usageplan.Store]{{
	"links/ids", "A link belongs to one plan and one key. IDs that join to the same text, or begin alike, are different.",
	func(v *visit, s usageplan.Store) {
		var all []usageplan.Link
		for i, plan := range joinedIDs {
			for j, key := range joinedIDs {
				if (i+j)%3 == 0 && i != j { // not all of them, so that a link of others shows
					continue
				}
				l := usageplan.Link{PlanID: plan, KeyID: key, Allowance: fmt.Sprint(i, j), Version: 1}
				all = append(all, l)
				v.okAt(s.InsertLink(v.ctx, l), "insert", plan, key)
			}
		}
		for _, id := range append(slices.Clone(joinedIDs), "", "a%", "a-a-a", "*") {
			v.linksOf(s, "all", id, all)
		}
		for i := 0; i < len(all); i += 2 {
			v.okAt(s.DeleteLink(v.ctx, all[i].PlanID, all[i].KeyID), "deletion", all[i].PlanID, all[i].KeyID)
			v.wants(s.DeleteLink(v.ctx, all[i].PlanID, all[i].KeyID), usageplan.ErrNotFound)
		}
		var rest []usageplan.Link
		for i := 1; i < len(all); i += 2 {
			rest = append(rest, all[i])
		}
		for _, id := range joinedIDs {
			v.linksOf(s, "half of them", id, rest)
		}
	},
}, {
	"links/order", "A key's links are listed in the order in which they were inserted, and a plan's in reverse. Neither an " +
		"ID, a time nor an update moves a link.",
	func(v *visit, s usageplan.Store) {
		var all []usageplan.Link
		for i := range 9 {
			for _, l := range []usageplan.Link{aLink(0, i), aLink(i+1, 0)} {
				all = append(all, l)
				v.ok(s.InsertLink(v.ctx, l))
			}
		}
		for i := range all { // now the oldest has been updated last
			l := &all[len(all)-1-i]
			l.Allowance, l.Created = fmt.Sprint(i), extremeTimes[i%len(extremeTimes)]
			v.ok(s.UpdateLink(v.ctx, *l))
			l.Version++
		}
		ofKey, _ := ofID(keyID(0), all)
		_, ofPlan := ofID(planID(0), all)
		lists(v, "links of the key", v.keyLinks(s, keyID(0)), ofKey)
		lists(v, "links of the plan", v.planLinks(s, planID(0), 4), reversed(ofPlan))
		for _, limit := range []int{math.MaxInt32, math.MaxInt - 1, math.MaxInt} {
			lists(v, fmt.Sprint("links of the plan by ", limit), v.planLinks(s, planID(0), limit), reversed(ofPlan))
		}
	},
}, {
	"links/deleted", "A listing of links goes on at its cursor though the links beside the cursor are deleted, or inserted again.",
	func(v *visit, s usageplan.Store) {
		for i := range 12 {
			v.ok(s.InsertLink(v.ctx, aLink(0, i)))
		}
		links := v.planLinks(s, planID(0), 12)
		page, cursor, err := s.PlanLinks(v.ctx, planID(0), "", 4)
		v.ok(err)
		n := len(page)
		if n == 0 || n > 4 || cursor == "" {
			v.failf("a page of %d of 12 links with the cursor %q: want 1 to 4, and a cursor", n, cursor)
		}
		for _, l := range links[n-1 : n+1] { // the last of the page, and the next
			v.ok(s.DeleteLink(v.ctx, l.PlanID, l.KeyID))
		}
		v.ok(s.InsertLink(v.ctx, links[n-1])) // and it is at the top now
		var rest []usageplan.Link
		for cursor != "" && len(rest) < len(links) {
			page, cursor, err = s.PlanLinks(v.ctx, planID(0), cursor, 4)
			v.ok(err)
			rest = append(rest, page...)
		}
		lists(v, "the later pages", rest, links[n+1:])
	},
}, {
	"links/again", "A call sees each link that was inserted or deleted, also after it found none.",
	func(v *visit, s usageplan.Store) {
		l := aLink(0, 0)
		for range 2 {
			v.linksOf(s, "none", l.KeyID, nil)
			v.linksOf(s, "none", l.PlanID, nil)
			v.ok(s.InsertLink(v.ctx, l))
			for range 2 {
				v.linksOf(s, "one", l.KeyID, []usageplan.Link{l})
				v.linksOf(s, "one", l.PlanID, []usageplan.Link{l})
			}
			v.ok(s.DeleteLink(v.ctx, l.PlanID, l.KeyID))
		}
		v.linksOf(s, "none again", l.KeyID, nil)
		v.linksOf(s, "none again", l.PlanID, nil)
	},
}, {
	"links/bounds", "A store keeps each field of a link at its bounds. An override that blocks differs from no override, " +
		"and throttles and quotas that are empty differ from those that are nil.",
	func(v *visit, s usageplan.Store) {
		for i, l := range boundLinks() {
			l.PlanID, l.KeyID, l.Version = planID(i), keyID(i), 1
			v.ok(s.InsertLink(v.ctx, l))
			v.linksOf(s, "inserted", l.KeyID, []usageplan.Link{l})
			v.ok(s.UpdateLink(v.ctx, usageplan.Link{PlanID: l.PlanID, KeyID: l.KeyID, Allowance: "s", Version: 1}))
			l.Version = 2
			v.ok(s.UpdateLink(v.ctx, l))
			l.Version = 3
			v.linksOf(s, "updated", l.PlanID, []usageplan.Link{l})
		}
	},
}, {
	"links/many", "KeyLinks returns all links of a key, however many there are.",
	func(v *visit, s usageplan.Store) {
		var all []usageplan.Link
		for i := range 120 {
			all = append(all, usageplan.Link{PlanID: planID(i), KeyID: keyID(0), Allowance: fmt.Sprint(i), Version: 1})
			v.ok(s.InsertLink(v.ctx, all[i]))
		}
		v.linksOf(s, "many", keyID(0), all)
	},
}}

// accessAgain are cases of AccessReader after changes that a store may overlook.
var accessAgain = []directoryCase[usageplan.Store]{{
	"access/again", "An AccessReader sees each write that has returned: updates of the key, of a link and of a plan, and what was " +
		"missed or deleted before.",
	withAccess(func(v *visit, s directory) {
		k, p, l := aKey(0), aPlan(0), aLink(0, 0)
		read := func(what string, key apikey.Key, links []usageplan.Link, plans []usageplan.Plan) {
			for range 2 { // the second call finds what the first may have cached
				byID, err := s.AccessByKey(v.ctx, key.ID)
				v.ok(err)
				byDigest, err := s.AccessByDigest(v.ctx, key.Digest)
				v.ok(err)
				for _, a := range []usageplan.Access{byID, byDigest} {
					v.equal(what+": the key", a.Key, key)
					lists(v, what+": the links", a.Links, links)
					lists(v, what+": the plans", a.Plans, plans)
				}
			}
		}
		v.ok(s.InsertKey(v.ctx, k))
		read("a key alone", k, nil, nil)
		v.ok(s.InsertLink(v.ctx, l))
		read("a link without its plan", k, []usageplan.Link{l}, nil)
		v.ok(s.InsertPlan(v.ctx, p))
		read("a link and its plan", k, []usageplan.Link{l}, []usageplan.Plan{p})
		p.Throttle, l.Quotas, k.Enabled = nil, nil, !k.Enabled
		v.ok(s.UpdateLink(v.ctx, l))
		l.Version++
		read("the link was updated", aKey(0), []usageplan.Link{l}, []usageplan.Plan{aPlan(0)})
		v.ok(s.UpdatePlan(v.ctx, p))
		p.Version++
		read("the plan was updated", aKey(0), []usageplan.Link{l}, []usageplan.Plan{p})
		v.ok(s.UpdateKey(v.ctx, k))
		k.Version++
		read("the key was updated", k, []usageplan.Link{l}, []usageplan.Plan{p})
		v.ok(s.DeletePlan(v.ctx, p.ID, 0))
		read("the plan was deleted", k, []usageplan.Link{l}, nil)
		v.ok(s.DeleteKey(v.ctx, k.ID))
		_, err := s.AccessByKey(v.ctx, k.ID)
		v.wants(err, apikey.ErrNotFound)
		_, err = s.AccessByDigest(v.ctx, k.Digest)
		v.wants(err, apikey.ErrNotFound)
		v.ok(s.InsertKey(v.ctx, aKey(0)))
		read("the key was inserted again", aKey(0), []usageplan.Link{l}, nil)
	}),
}, {
	"access/many", "An Access has all links of the key and all plans that they name, however many there are.",
	withAccess(func(v *visit, s directory) {
		k := aKey(0)
		v.ok(s.InsertKey(v.ctx, k))
		for i := range 120 {
			v.ok(s.InsertLink(v.ctx, usageplan.Link{PlanID: planID(i), KeyID: k.ID, Allowance: fmt.Sprint(i)}))
			v.ok(s.InsertPlan(v.ctx, usageplan.Plan{ID: planID(i), Name: fmt.Sprint(i)}))
		}
		a, err := s.AccessByKey(v.ctx, k.ID)
		v.sameAccess(s, "by id", a, err, k, nil)
		a, err = s.AccessByDigest(v.ctx, k.Retiring)
		v.sameAccess(s, "by digest", a, err, k, nil)
	}),
}, {
	"access/ctx", "If ctx is done, an AccessReader returns its error.",
	withAccess(func(v *visit, s directory) {
		k := insertKeys(v, s, 1)[0]
		ctx, cancel := context.WithCancel(v.ctx)
		cancel()
		_, err := s.AccessByKey(ctx, k.ID)
		v.wants(err, context.Canceled)
		_, err = s.AccessByDigest(ctx, k.Digest)
		v.wants(err, context.Canceled)
	}),
}}
