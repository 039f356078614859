package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ration-go/ration/limiter"
	calendar "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestPlans holds the stores that fresh makes, each empty, to every promise of [usageplan.Store], one subtest each; and to
// those of [usageplan.Notifier], if they are that.
func TestPlans(t *testing.T, fresh func(t testing.TB) usageplan.Store) { run(t, storedPlans, fresh) }

// ear is who hears of changes.
type ear struct {
	mu  sync.Mutex
	ids []string
}

func (e *ear) hear(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id != "" { // which says that any may have changed: when a subscription begins
		e.ids = append(e.ids, id)
	}
}

// wants is what was heard since it was last asked. A store that hears from elsewhere may take a moment.
func (e *ear) wants(v *visit, ids ...string) {
	for deadline := time.Now().Add(5 * time.Second); ; {
		e.mu.Lock()
		heard := slices.Clone(e.ids)
		if len(heard) >= len(ids) || time.Now().After(deadline) {
			e.ids = nil
			e.mu.Unlock()
			if !slices.Equal(heard, ids) {
				v.failf("heard of %q: want %q", heard, ids)
			}
			return
		}
		e.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

// aPlan is the i-th of many plans, with all its fields.
func aPlan(i int) usageplan.Plan {
	created := time.Date(2026, 11, 23, 12, 0, i%60, 123_000, time.UTC)
	return usageplan.Plan{
		ID: fmt.Sprintf("plan%04d", i), Name: fmt.Sprintf("plan {%d}", i), Description: "line\nand line",
		Throttle: &limiter.Limit{Rate: 0.5, Burst: 3}, ThrottleByCost: true,
		Quotas:  []calendar.Quota{{Limit: 1000, Period: calendar.Month, StartDay: 31}, {Name: "tokens", Limit: 5, Period: calendar.Day}},
		Routes:  map[string]limiter.Limit{"GET /pets/{id}": {Rate: 7, Burst: 7}},
		Stages:  []usageplan.Stage{{API: "orders", Name: "prod"}},
		Created: created, Updated: created, Version: 1,
	}
}

func aLink(plan, key int) usageplan.Link {
	return usageplan.Link{
		PlanID: fmt.Sprintf("plan%04d", plan), KeyID: fmt.Sprintf("key%04d", key), Subject: fmt.Sprintf("customer %d", key),
		Throttle: &limiter.Limit{Rate: 2, Burst: 2}, Quotas: []calendar.Quota{{Limit: 9, Period: calendar.Week, StartDay: 1}},
		Created: time.Date(2026, 11, 23, 12, 0, key%60, 0, time.UTC), Version: 1,
	}
}

func insertPlans(v *visit, s usageplan.Store, n int) (plans []usageplan.Plan) {
	for i := range n {
		plans = append(plans, aPlan(i))
		v.ok(s.InsertPlan(v.ctx, aPlan(i)))
	}
	return plans
}

var storedPlans = []listing[usageplan.Store]{{
	"insert", "A plan is found by its id, with every field as it was; its id belongs to it alone.",
	func(v *visit, s usageplan.Store) {
		bare := usageplan.Plan{ID: "bare", Version: 1}
		v.ok(s.InsertPlan(v.ctx, bare))
		for _, want := range append(insertPlans(v, s, 2), bare) {
			got, err := s.Plan(v.ctx, want.ID)
			v.ok(err)
			v.equal("the plan", got, want)
			v.wants(s.InsertPlan(v.ctx, want), usageplan.ErrExists)
		}
	},
}, {
	"missing", "What is not there is ErrNotFound, and a key or plan without links has none.",
	func(v *visit, s usageplan.Store) {
		_, err := s.Plan(v.ctx, "a")
		v.wants(err, usageplan.ErrNotFound)
		v.wants(s.UpdatePlan(v.ctx, usageplan.Plan{ID: "a"}), usageplan.ErrNotFound)
		v.wants(s.DeletePlan(v.ctx, "a"), usageplan.ErrNotFound)
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
	"copies", "Nothing that goes in or comes out is shared: who changes it changes nothing that is kept.",
	func(v *visit, s usageplan.Store) {
		spoil := func(p usageplan.Plan, l usageplan.Link) {
			p.Throttle.Burst, p.Quotas[0].Limit, p.Stages[0].Name = 99, 99, "spoilt"
			p.Routes["GET /spoilt"] = limiter.Limit{}
			l.Throttle.Burst, l.Quotas[0].Limit = 99, 99
		}
		p, l := aPlan(0), aLink(0, 0)
		v.ok(s.InsertPlan(v.ctx, p))
		v.ok(s.InsertLink(v.ctx, l))
		spoil(p, l)
		for range 2 {
			p, err := s.Plan(v.ctx, p.ID)
			v.ok(err)
			v.equal("the plan", p, aPlan(0))
			plans, _, err := s.Plans(v.ctx, "", 1)
			v.ok(err)
			v.equal("the listed plan", plans[0], aPlan(0))
			ofKey, err := s.KeyLinks(v.ctx, l.KeyID)
			v.ok(err)
			v.equal("the key's link", ofKey[0], aLink(0, 0))
			ofPlan, _, err := s.PlanLinks(v.ctx, l.PlanID, "", 1)
			v.ok(err)
			v.equal("the plan's link", ofPlan[0], aLink(0, 0))
			spoil(p, ofKey[0])
			spoil(plans[0], ofPlan[0])
		}
		up, ul := aPlan(0), aLink(0, 0)
		v.ok(s.UpdatePlan(v.ctx, up))
		v.ok(s.UpdateLink(v.ctx, ul))
		spoil(up, ul)
		got, err := s.Plan(v.ctx, up.ID)
		v.ok(err)
		v.equal("the updated plan's burst", got.Throttle.Burst, 3)
	},
}, {
	"version", "Of many who change one version of a plan or a link, exactly one does; the others get ErrConflict.",
	func(v *visit, s usageplan.Store) {
		insertPlans(v, s, 1)
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		for version := int64(1); version < 10; version++ {
			v.oneWins(v.together(8, func(i int) error {
				p := aPlan(0)
				p.Name, p.Version = fmt.Sprint(i), version
				return s.UpdatePlan(v.ctx, p)
			}), usageplan.ErrConflict)
			v.oneWins(v.together(8, func(i int) error {
				l := aLink(0, 0)
				l.Throttle.Burst, l.Version = i+1, version
				return s.UpdateLink(v.ctx, l)
			}), usageplan.ErrConflict)
			p, err := s.Plan(v.ctx, "plan0000")
			v.ok(err)
			links, err := s.KeyLinks(v.ctx, "key0000")
			v.ok(err)
			v.equal("the versions", []int64{p.Version, links[0].Version}, []int64{version + 1, version + 1})
		}
	},
}, {
	"delete", "A deleted plan is gone; its links stay, and do no harm.",
	func(v *visit, s usageplan.Store) {
		plans := insertPlans(v, s, 3)
		v.ok(s.InsertLink(v.ctx, aLink(1, 0)))
		v.ok(s.DeletePlan(v.ctx, plans[1].ID))
		_, err := s.Plan(v.ctx, plans[1].ID)
		v.wants(err, usageplan.ErrNotFound)
		all, _ := walk(v, func(cursor string) ([]usageplan.Plan, string, error) { return s.Plans(v.ctx, cursor, 2) })
		v.equal("the listing", all, []usageplan.Plan{plans[2], plans[0]})
		links, _, err := s.PlanLinks(v.ctx, plans[1].ID, "", 10)
		v.ok(err)
		v.equal("the links", links, []usageplan.Link{aLink(1, 0)})
	},
}, {
	"list", "A listing is newest first, whole, in pages of at most the limit, and not disturbed by what comes meanwhile.",
	func(v *visit, s usageplan.Store) {
		want := insertPlans(v, s, 25)
		slices.Reverse(want)
		for i, limit := range []int{1, 7, 500} {
			all, _ := walk(v, func(cursor string) ([]usageplan.Plan, string, error) {
				plans, next, err := s.Plans(v.ctx, cursor, limit)
				if len(plans) > limit {
					v.failf("a page of %d: want at most %d", len(plans), limit)
				}
				if cursor == "" {
					late := aPlan(1000 + i)
					v.ok(s.InsertPlan(v.ctx, late))
					want = slices.Insert(want, 0, late)
				}
				return plans, next, err
			})
			v.equal(fmt.Sprintf("the listing by %d", limit), all, want[1:])
		}
	},
}, {
	"links", "A link is found from its key, oldest first, and from its plan, newest first, with every field as it was; once.",
	func(v *visit, s usageplan.Store) {
		insertPlans(v, s, 2)
		for i := range 9 {
			v.ok(s.InsertLink(v.ctx, aLink(0, i)))
			v.wants(s.InsertLink(v.ctx, aLink(0, i)), usageplan.ErrExists)
		}
		v.ok(s.InsertLink(v.ctx, aLink(1, 3)))
		ofKey, err := s.KeyLinks(v.ctx, "key0003")
		v.ok(err)
		v.equal("links of a key", ofKey, []usageplan.Link{aLink(0, 3), aLink(1, 3)})
		v.ok(s.DeleteLink(v.ctx, "plan0000", "key0003"))
		ofKey, err = s.KeyLinks(v.ctx, "key0003")
		v.ok(err)
		v.equal("links of a key", ofKey, []usageplan.Link{aLink(1, 3)})
		var want []usageplan.Link
		for _, i := range []int{8, 7, 6, 5, 4, 2, 1, 0} {
			want = append(want, aLink(0, i))
		}
		for _, limit := range []int{1, 3, 100} {
			all, _ := walk(v, func(cursor string) ([]usageplan.Link, string, error) {
				return s.PlanLinks(v.ctx, "plan0000", cursor, limit)
			})
			v.equal("links of a plan", all, want)
		}
		v.ok(s.InsertLink(v.ctx, aLink(0, 3)))
		ofKey, err = s.KeyLinks(v.ctx, "key0003")
		v.ok(err)
		v.equal("links of a key", ofKey, []usageplan.Link{aLink(1, 3), aLink(0, 3)})
	},
}, {
	"links/removed", "A plan's links can be removed page by page while they are listed, and none is missed.",
	func(v *visit, s usageplan.Store) {
		for i := range 50 {
			v.ok(s.InsertLink(v.ctx, aLink(0, i)))
		}
		all, _ := walk(v, func(cursor string) ([]usageplan.Link, string, error) {
			links, next, err := s.PlanLinks(v.ctx, "plan0000", cursor, 7)
			for _, l := range links {
				v.ok(s.DeleteLink(v.ctx, l.PlanID, l.KeyID))
			}
			return links, next, err
		})
		v.equal("how many there were", len(all), 50)
		links, _, err := s.PlanLinks(v.ctx, "plan0000", "", 7)
		v.ok(err)
		v.equal("how many are left", len(links), 0)
	},
}, {
	"cursor", "A cursor that no listing gave is ErrInvalid.",
	func(v *visit, s usageplan.Store) {
		insertPlans(v, s, 3)
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		for _, cursor := range []string{"?", "-1", " ", "99999999999999999999999999"} {
			_, _, err := s.Plans(v.ctx, cursor, 1)
			v.wants(err, usageplan.ErrInvalid)
			_, _, err = s.PlanLinks(v.ctx, "plan0000", cursor, 1)
			v.wants(err, usageplan.ErrInvalid)
		}
	},
}, {
	"ctx", "A ctx that is done is an error, and changes nothing.",
	func(v *visit, s usageplan.Store) {
		insertPlans(v, s, 1)
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		ctx, cancel := context.WithCancel(v.ctx)
		cancel()
		_, err := s.Plan(ctx, "plan0000")
		v.wants(err, context.Canceled)
		_, _, err = s.Plans(ctx, "", 1)
		v.wants(err, context.Canceled)
		_, err = s.KeyLinks(ctx, "key0000")
		v.wants(err, context.Canceled)
		_, _, err = s.PlanLinks(ctx, "plan0000", "", 1)
		v.wants(err, context.Canceled)
		for _, err := range []error{
			s.InsertPlan(ctx, aPlan(1)), s.UpdatePlan(ctx, aPlan(0)), s.DeletePlan(ctx, "plan0000"),
			s.InsertLink(ctx, aLink(0, 1)), s.UpdateLink(ctx, aLink(0, 0)), s.DeleteLink(ctx, "plan0000", "key0000"),
		} {
			v.wants(err, context.Canceled)
		}
		plans, _ := walk(v, func(cursor string) ([]usageplan.Plan, string, error) { return s.Plans(v.ctx, cursor, 10) })
		v.equal("the plans", plans, []usageplan.Plan{aPlan(0)})
		links, _, err := s.PlanLinks(v.ctx, "plan0000", "", 10)
		v.ok(err)
		v.equal("the links", links, []usageplan.Link{aLink(0, 0)})
	},
}, {
	"together", "Many may use a store at once.",
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
				if _, _, err := s.PlanLinks(v.ctx, "plan0000", "", 5); err != nil {
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
			return s.PlanLinks(v.ctx, "plan0000", cursor, 7)
		})
		v.equal("how many links are left", len(all), 80)
	},
}, {
	"notify", "A Notifier tells of each change, with the plan's id, for a link with the key's; of none that failed; and not once stopped.",
	func(v *visit, s usageplan.Store) {
		n, ok := s.(usageplan.Notifier)
		if !ok {
			return
		}
		heard := &ear{}
		stop := n.OnChange(heard.hear)
		insertPlans(v, s, 1)
		heard.wants(v, "plan0000")
		v.wants(s.InsertPlan(v.ctx, aPlan(0)), usageplan.ErrExists)
		v.ok(s.UpdatePlan(v.ctx, aPlan(0)))
		heard.wants(v, "plan0000")
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		heard.wants(v, "key0000")
		v.ok(s.UpdateLink(v.ctx, aLink(0, 0)))
		heard.wants(v, "key0000")
		v.ok(s.DeleteLink(v.ctx, "plan0000", "key0000"))
		heard.wants(v, "key0000")
		v.ok(s.DeletePlan(v.ctx, "plan0000"))
		heard.wants(v, "plan0000")
		stop()
		insertPlans(v, s, 1)
		heard.wants(v)
	},
}}
