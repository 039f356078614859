package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestPlans checks the stores that d makes against every promise of [usageplan.Store],
// with one subtest each. If the stores implement [usageplan.Notifier], its promises are
// checked too, and those of [usageplan.AccessReader] if they implement it and keep keys.
// The promises of [usageplan.GroupStore] are checked if they implement it. Otherwise
// those subtests are skipped.
func TestPlans(t *testing.T, d Directory[usageplan.Store]) { run(t, planCases(), d) }

func planCases() []directoryCase[usageplan.Store] {
	return slices.Concat(
		storedPlans, pagedPlans, storedLinks, notifyPlans, readAccess, durablePlans, unfavourablePlans, unfavourableLinks,
		accessAgain, subscribedPlans, plansAtOnce, groupCases(),
	)
}

// aPlan returns the i-th of many plans, with all fields set. Neither the IDs nor the
// times ascend with i.
func aPlan(i int) usageplan.Plan {
	created := aTime(i)
	return usageplan.Plan{
		ID: planID(i), Name: fmt.Sprintf("plan {%d}", i), Description: "line\nand line",
		Throttle: &limiter.Limit{Rate: 0.5, Burst: 3}, Throttles: someThrottles(),
		Quotas: []calendar.Quota{
			{Limit: 1000, Period: calendar.Month, StartDay: 31}, {Name: "tpd", Limit: 5, Unit: "tokens", Period: calendar.Day},
		},
		Alerts: []int{50, 80, 100},
		For: map[string]usageplan.Limits{
			"opus":           {Throttles: someThrottles(), Quotas: []calendar.Quota{{Limit: 7, Unit: "tokens", Period: calendar.Day, Soft: true}}},
			"GET /pets/{id}": {Quotas: []calendar.Quota{{Limit: 8, Period: calendar.Day}}},
		},
		Routes: map[string]limiter.Limit{"GET /pets/{id}": {Rate: 7, Burst: 7}},
		Stages: []usageplan.Stage{{API: "orders", Name: "prod"}},
		StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{
			{API: "orders", Name: "prod"}: {"*": {Rate: 3, Burst: 3}, "GET /pets": {Rate: 1, Burst: 1}},
		},
		ProductCode: "product", Tags: apikey.Tags{"team": "a"},
		Created: created, Updated: created.Add(time.Hour), Version: 1,
	}
}

// someThrottles returns two throttles, one of them of another unit than requests.
func someThrottles() []usageplan.Throttle {
	return []usageplan.Throttle{
		{Limit: limiter.Limit{Rate: 1000, Burst: 5000}, Unit: "tokens", Name: "tps"}, {Limit: limiter.PerMinute(90)},
	}
}

// changeClasses changes the limits of classes of a plan, by each way to reach them.
func changeClasses(p usageplan.Plan) {
	l := p.For["opus"]
	l.Throttles[0].Name, l.Quotas[0].Limit = "changed", 99
	p.For["changed"] = l
}

func insertPlans(v *visit, s usageplan.Store, n int) (plans []usageplan.Plan) {
	for i := range n {
		plans = append(plans, aPlan(i))
		v.ok(s.InsertPlan(v.ctx, aPlan(i)))
	}
	return plans
}

var storedPlans = []directoryCase[usageplan.Store]{{
	"insert", "A plan is found by its ID, with every field unchanged and Version 1. No second plan can have its ID.",
	func(v *visit, s usageplan.Store) {
		bare := usageplan.Plan{ID: "bare", Detached: true}
		v.ok(s.InsertPlan(v.ctx, bare))
		bare.Version = 1
		for _, want := range append(insertPlans(v, s, 2), bare) {
			got, err := s.Plan(v.ctx, want.ID)
			v.ok(err)
			v.equal("the plan", got, want)
			v.wants(s.InsertPlan(v.ctx, want), usageplan.ErrExists)
		}
	},
}, {
	"missing", "A call for a plan that does not exist returns ErrNotFound. A key or plan without links has an empty list of links.",
	func(v *visit, s usageplan.Store) {
		_, err := s.Plan(v.ctx, "a")
		v.wants(err, usageplan.ErrNotFound)
		v.wants(s.UpdatePlan(v.ctx, usageplan.Plan{ID: "a"}), usageplan.ErrNotFound)
		v.wants(s.DeletePlan(v.ctx, "a", 0), usageplan.ErrNotFound)
		v.wants(s.DeletePlan(v.ctx, "a", 1), usageplan.ErrNotFound)
		v.wants(s.UpdateLink(v.ctx, aLink(1, 1)), usageplan.ErrNotFound)
		v.wants(s.DeleteLink(v.ctx, "a", "b"), usageplan.ErrNotFound)
		links, err := s.KeyLinks(v.ctx, "b")
		v.ok(err)
		v.equal("links of a key", len(links), 0)
		links, next, err := s.PlanLinks(v.ctx, "a", "", 10)
		v.ok(err)
		v.equal("links of a plan", fmt.Sprint(len(links), next), "0")
	},
}, {
	"update", "An update replaces every field and adds one to the version.",
	func(v *visit, s usageplan.Store) {
		full := insertPlans(v, s, 1)[0]
		for version, p := range []usageplan.Plan{
			{ID: full.ID, Name: "bare"}, full, {ID: full.ID}, {ID: full.ID, Alerts: []int{}}, {ID: full.ID, Alerts: []int{1}},
		} {
			p.Version = int64(version) + 1
			v.ok(s.UpdatePlan(v.ctx, p))
			p.Version++
			got, err := s.Plan(v.ctx, p.ID)
			v.ok(err)
			v.equal("the plan", got, p)
		}
	},
}, {
	"copies", "The store shares nothing with its callers. If a caller changes what it passed in or got back, the stored " +
		"plan and link do not change.",
	func(v *visit, s usageplan.Store) {
		change := func(p usageplan.Plan, l usageplan.Link) {
			p.Throttle.Burst, p.Throttles[0].Burst, p.Quotas[0].Limit, p.Stages[0].Name = 99, 99, 99, "changed"
			p.Alerts[0], l.Alerts[0] = 99, 99
			p.Routes["GET /changed"], p.Tags["team"] = limiter.Limit{}, "changed"
			changeClasses(p)
			p.StageRoutes[usageplan.Stage{API: "orders", Name: "prod"}]["GET /changed"] = limiter.Limit{}
			l.Throttle.Burst, l.Throttles[0].Burst, l.Quotas[0].Limit = 99, 99, 99
		}
		p, l := aPlan(0), aLink(0, 0)
		v.ok(s.InsertPlan(v.ctx, p))
		v.ok(s.InsertLink(v.ctx, l))
		change(p, l)
		for range 2 {
			p, err := s.Plan(v.ctx, p.ID)
			v.ok(err)
			v.equal("the plan", p, aPlan(0))
			plans, _, err := s.Plans(v.ctx, "", 1)
			v.ok(err)
			lists(v, "the listing", plans, []usageplan.Plan{aPlan(0)})
			ofKey, err := s.KeyLinks(v.ctx, l.KeyID)
			v.ok(err)
			lists(v, "the key's links", ofKey, []usageplan.Link{aLink(0, 0)})
			ofPlan, _, err := s.PlanLinks(v.ctx, l.PlanID, "", 1)
			v.ok(err)
			lists(v, "the plan's links", ofPlan, []usageplan.Link{aLink(0, 0)})
			change(p, ofKey[0])
			change(plans[0], ofPlan[0])
		}
		up, ul := aPlan(0), aLink(0, 0)
		v.ok(s.UpdatePlan(v.ctx, up))
		v.ok(s.UpdateLink(v.ctx, ul))
		change(up, ul)
		wantPlan, wantLink := aPlan(0), aLink(0, 0)
		wantPlan.Version, wantLink.Version = 2, 2
		got, err := s.Plan(v.ctx, up.ID)
		v.ok(err)
		v.equal("the updated plan", got, wantPlan)
		links, err := s.KeyLinks(v.ctx, ul.KeyID)
		v.ok(err)
		lists(v, "the updated link", links, []usageplan.Link{wantLink})
	},
}, {
	"version", "If many callers update one version of a plan or a link, exactly one succeeds. The others get ErrConflict.",
	func(v *visit, s usageplan.Store) {
		insertPlans(v, s, 1)
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		for version := int64(1); version < 10; version++ {
			p, l := aPlan(0), aLink(0, 0)
			p.Name = fmt.Sprint(v.oneWins(v.together(8, func(i int) error {
				p := aPlan(0)
				p.Name, p.Version = fmt.Sprint(i), version
				return s.UpdatePlan(v.ctx, p)
			}), usageplan.ErrConflict))
			l.Throttle.Burst = 1 + v.oneWins(v.together(8, func(i int) error {
				l := aLink(0, 0)
				l.Throttle.Burst, l.Version = i+1, version
				return s.UpdateLink(v.ctx, l)
			}), usageplan.ErrConflict)
			p.Version, l.Version = version+1, version+1
			got, err := s.Plan(v.ctx, p.ID)
			v.ok(err)
			v.equal("the winner's plan", got, p)
			links, err := s.KeyLinks(v.ctx, l.KeyID)
			v.ok(err)
			lists(v, "the winner's link", links, []usageplan.Link{l})
		}
	},
}, {
	"delete", "A deleted plan is gone. Its links stay and do no harm.",
	func(v *visit, s usageplan.Store) {
		plans := insertPlans(v, s, 3)
		v.ok(s.InsertLink(v.ctx, aLink(1, 0)))
		before := v.listedPlans(s, 2)
		v.ok(s.DeletePlan(v.ctx, plans[1].ID, 0))
		_, err := s.Plan(v.ctx, plans[1].ID)
		v.wants(err, usageplan.ErrNotFound)
		rest := slices.DeleteFunc(before, func(p usageplan.Plan) bool { return p.ID == plans[1].ID })
		lists(v, "the listing", v.listedPlans(s, 2), rest)
		links, _, err := s.PlanLinks(v.ctx, plans[1].ID, "", 10)
		v.ok(err)
		lists(v, "the links", links, []usageplan.Link{aLink(1, 0)})
	},
}, {
	"delete/version", "A plan is deleted only in the version that the caller names. Of one caller that updates a version and " +
		"one that deletes it, one succeeds.",
	func(v *visit, s usageplan.Store) {
		for i := range 20 {
			p := aPlan(i)
			v.ok(s.InsertPlan(v.ctx, p))
			v.ok(s.UpdatePlan(v.ctx, p))
			for _, other := range []int64{1, 3, 2 << 32} {
				v.wants(s.DeletePlan(v.ctx, p.ID, other), usageplan.ErrConflict)
			}
			p.Version = 2
			errs := v.together(2, func(i int) error {
				if i == 0 {
					return s.DeletePlan(v.ctx, p.ID, 2)
				}
				return s.UpdatePlan(v.ctx, p)
			})
			_, err := s.Plan(v.ctx, p.ID)
			if errs[0] == nil {
				v.wants(errs[1], usageplan.ErrNotFound)
				v.wants(err, usageplan.ErrNotFound)
				continue
			}
			v.wants(errs[0], usageplan.ErrConflict)
			v.ok(errs[1])
			v.ok(err)
			v.ok(s.DeletePlan(v.ctx, p.ID, 3))
		}
	},
}, {
	"ctx", "If ctx is done, every call returns its error and changes nothing.",
	func(v *visit, s usageplan.Store) {
		insertPlans(v, s, 1)
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		ctx, cancel := context.WithCancel(v.ctx)
		cancel()
		_, err := s.Plan(ctx, planID(0))
		v.wants(err, context.Canceled)
		_, _, err = s.Plans(ctx, "", 1)
		v.wants(err, context.Canceled)
		_, err = s.KeyLinks(ctx, keyID(0))
		v.wants(err, context.Canceled)
		_, _, err = s.PlanLinks(ctx, planID(0), "", 1)
		v.wants(err, context.Canceled)
		for _, err := range []error{
			s.InsertPlan(ctx, aPlan(1)), s.UpdatePlan(ctx, aPlan(0)), s.DeletePlan(ctx, planID(0), 0),
			s.InsertLink(ctx, aLink(0, 1)), s.UpdateLink(ctx, aLink(0, 0)), s.DeleteLink(ctx, planID(0), keyID(0)),
		} {
			v.wants(err, context.Canceled)
		}
		plans, _ := walk(v, func(cursor string) ([]usageplan.Plan, string, error) { return s.Plans(v.ctx, cursor, 10) })
		v.equal("the plans", plans, []usageplan.Plan{aPlan(0)})
		links, _, err := s.PlanLinks(v.ctx, planID(0), "", 10)
		v.ok(err)
		lists(v, "the links", links, []usageplan.Link{aLink(0, 0)})
	},
}, {
	"together", "A store is safe for concurrent use.",
	func(v *visit, s usageplan.Store) {
		for _, err := range v.together(8, func(g int) error {
			for i := range 20 {
				p, l := aPlan(100*g+i), aLink(0, 100*g+i)
				if err := s.InsertPlan(v.ctx, p); err != nil {
					return err
				}
				if err := s.InsertLink(v.ctx, l); err != nil {
					return err
				}
				if _, _, err := s.PlanLinks(v.ctx, planID(0), "", 5); err != nil {
					return err
				}
				if err := s.UpdatePlan(v.ctx, p); err != nil {
					return err
				}
				if i%2 == 0 {
					if err := s.DeleteLink(v.ctx, l.PlanID, l.KeyID); err != nil {
						return err
					}
				}
			}
			return nil
		}) {
			v.ok(err)
		}
		all, _ := walk(v, func(cursor string) ([]usageplan.Link, string, error) {
			return s.PlanLinks(v.ctx, planID(0), cursor, 7)
		})
		v.equal("number of links left", len(all), 80)
	},
}}
