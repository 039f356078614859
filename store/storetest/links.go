package storetest

import (
	"fmt"

	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// aLink returns the link of a key to a plan, with all fields set.
func aLink(plan, key int) usageplan.Link {
	return usageplan.Link{
		PlanID: planID(plan), KeyID: keyID(key), Allowance: fmt.Sprintf("%s/%d", planID(plan), key),
		Throttle: &limiter.Limit{Rate: 2, Burst: 2}, Throttles: someThrottles(),
		Quotas:  []calendar.Quota{{Limit: 9, Unit: "tokens", Period: calendar.Week, StartDay: 1}},
		Alerts:  []int{75, 100, 200},
		Created: aTime(key + plan), Version: 1,
	}
}

var storedLinks = []directoryCase[usageplan.Store]{{
	"links", "A key's links are found with the oldest first, and a plan's links with the newest first, each once and " +
		"with every field unchanged.",
	func(v *visit, s usageplan.Store) {
		insertPlans(v, s, 2)
		for i := range 9 {
			v.ok(s.InsertLink(v.ctx, aLink(0, i)))
			v.wants(s.InsertLink(v.ctx, aLink(0, i)), usageplan.ErrExists)
		}
		v.ok(s.InsertLink(v.ctx, aLink(1, 3)))
		ofKey, err := s.KeyLinks(v.ctx, keyID(3))
		v.ok(err)
		lists(v, "links of a key", ofKey, []usageplan.Link{aLink(0, 3), aLink(1, 3)})
		v.ok(s.DeleteLink(v.ctx, planID(0), keyID(3)))
		ofKey, err = s.KeyLinks(v.ctx, keyID(3))
		v.ok(err)
		lists(v, "links of a key", ofKey, []usageplan.Link{aLink(1, 3)})
		var want []usageplan.Link
		for _, i := range []int{8, 7, 6, 5, 4, 2, 1, 0} {
			want = append(want, aLink(0, i))
		}
		for _, limit := range []int{1, 3, 100} {
			all, _ := walk(v, func(cursor string) ([]usageplan.Link, string, error) {
				return s.PlanLinks(v.ctx, planID(0), cursor, limit)
			})
			lists(v, "links of a plan", all, want)
		}
		v.ok(s.InsertLink(v.ctx, aLink(0, 3)))
		ofKey, err = s.KeyLinks(v.ctx, keyID(3))
		v.ok(err)
		lists(v, "links of a key", ofKey, []usageplan.Link{aLink(1, 3), aLink(0, 3)})
	},
}, {
	"links/update", "An update of a link replaces every field. Empty overrides differ from no overrides.",
	func(v *visit, s usageplan.Store) {
		l := aLink(0, 0)
		l.Version = 0
		v.ok(s.InsertLink(v.ctx, l))
		some, none := someThrottles(), []usageplan.Throttle{}
		for version, o := range []usageplan.Link{
			{Quotas: []calendar.Quota{}, Throttles: some}, {Throttles: none}, {Quotas: []calendar.Quota{{Limit: 1, Period: calendar.Day}}},
			{Quotas: []calendar.Quota{}}, {Throttles: some}, {Quotas: []calendar.Quota{}, Throttles: none},
			{Alerts: []int{}}, {}, {Alerts: []int{100}},
		} {
			l = usageplan.Link{
				PlanID: l.PlanID, KeyID: l.KeyID, Allowance: l.Allowance, Throttles: o.Throttles, Quotas: o.Quotas, Alerts: o.Alerts,
				Version: int64(version) + 1,
			}
			v.ok(s.UpdateLink(v.ctx, l))
			l.Version++
			ofKey, err := s.KeyLinks(v.ctx, l.KeyID)
			v.ok(err)
			lists(v, "links of the key", ofKey, []usageplan.Link{l})
			ofPlan, _, err := s.PlanLinks(v.ctx, l.PlanID, "", 10)
			v.ok(err)
			lists(v, "links of the plan", ofPlan, []usageplan.Link{l})
		}
	},
}, {
	"links/meanwhile", "Links that are inserted or deleted between pages do not disturb the listing of the other links.",
	func(v *visit, s usageplan.Store) {
		var ids []string
		for i := range 60 {
			v.ok(s.InsertLink(v.ctx, aLink(0, i)))
			ids = append(ids, aLink(0, i).KeyID)
		}
		gone := map[string]bool{}
		i := 0
		all, _ := walk(v, func(cursor string) ([]usageplan.Link, string, error) {
			page, next, err := s.PlanLinks(v.ctx, planID(0), cursor, 4)
			for n := range 3 {
				v.ok(s.InsertLink(v.ctx, aLink(0, 1000+3*i+n)))
			}
			// one that is to come, and one that was listed
			for _, doomed := range []string{ids[i], ids[59-i]} {
				gone[doomed] = true
				v.ok(s.DeleteLink(v.ctx, planID(0), doomed))
			}
			i++
			return page, next, err
		})
		var listed []string
		for _, l := range all {
			listed = append(listed, l.KeyID)
		}
		v.undisturbed(listed, ids, gone)
	},
}, {
	"links/removed", "A plan's links can be deleted page by page while they are listed, and none is missed.",
	func(v *visit, s usageplan.Store) {
		for i := range 50 {
			v.ok(s.InsertLink(v.ctx, aLink(0, i)))
		}
		all, _ := walk(v, func(cursor string) ([]usageplan.Link, string, error) {
			links, next, err := s.PlanLinks(v.ctx, planID(0), cursor, 7)
			for _, l := range links {
				v.ok(s.DeleteLink(v.ctx, l.PlanID, l.KeyID))
			}
			return links, next, err
		})
		v.equal("number of listed links", len(all), 50)
		links, _, err := s.PlanLinks(v.ctx, planID(0), "", 7)
		v.ok(err)
		v.equal("number of records left", len(links), 0)
	},
}}
