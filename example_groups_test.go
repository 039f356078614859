package ration_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// The examples in this file go with docs/organisations.md.

// A quota that all keys of an organisation use up together, and a rate limit for each
// key.
func Example_organisation() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	ration.Must(r.Plan(ctx, "pro", "unlimited", "3/year"))
	ration.Must(r.Plan(ctx, "key", "1/h burst 2"))

	ration.Must(r.Groups.Put(ctx, usageplan.Group{ID: "acme", PlanID: "pro"}))
	for _, name := range []string{"crawler", "ranker"} {
		key, secret, err := r.Keys.Create(ctx, apikey.Key{Name: name, GroupID: "acme", Enabled: true})
		err = errors.Join(err, r.Plans.Link(ctx, "key", key.ID))
		fmt.Println(name, err)
		for range 3 {
			req, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
			req.Header.Set("X-API-Key", string(secret))
			r.Handler(hello).ServeHTTP(w, req)
			var problem struct {
				Limits []struct{ Payer, Limit string }
			}
			_ = json.Unmarshal(w.Body.Bytes(), &problem)
			fmt.Println(w.Code, problem.Limits)
		}
	}
	// Output:
	// crawler <nil>
	// 200 []
	// 200 []
	// 429 [{key throttle}]
	// ranker <nil>
	// 200 []
	// 429 [{group year}]
	// 429 [{group year}]
}

// Two teams of an organisation. One has a lower quota than its plan. A key without a link
// moves from this team to the other.
func Example_teams() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	ration.Must(r.Plan(ctx, "org", "unlimited", "100/year"))
	ration.Must(r.Plan(ctx, "team", "unlimited", "50/year"))
	lower := []quota.Quota{quota.MustParse("2/year")}
	for _, g := range []usageplan.Group{
		{ID: "acme", PlanID: "org"},
		{ID: "search", ParentID: "acme", PlanID: "team"},
		{ID: "help", ParentID: "acme", PlanID: "team", Quotas: lower},
	} {
		ration.Must(r.Groups.Put(ctx, g))
	}
	key, _, _ := r.Keys.Create(ctx, apikey.Key{Name: "chatbot", GroupID: "help", Enabled: true})
	try := func() {
		d, _ := r.Gate.Admit(ctx, gate.Request{KeyID: key.ID})
		fmt.Println(d.Reason)
		for l := range d.Refusals() {
			fmt.Println("refused by the", l.Name, "of", l.Payer)
		}
	}

	for range 3 {
		try()
	}
	_ = r.Gate.SetGroupRemaining(ctx, "help", "year", 1)
	try()
	key, err := r.Groups.MoveKey(ctx, key.ID, "search")
	fmt.Println("moved", err)
	try()

	for _, id := range []string{"help", "search", "acme"} {
		windows, _ := r.Gate.GroupUsageByWindow(ctx, id, "year", 1)
		fmt.Println(id, "used", windows[0].Used, "and has", windows[0].Remaining, "left")
	}
	days, _ := r.Gate.UsageByDay(ctx, "", key.ID, "", 1)
	fmt.Println("the key used", days[0].Used)
	fmt.Println("in use:", errors.Is(r.Groups.Delete(ctx, "acme"), usageplan.ErrInUse))
	// Output:
	// admitted
	// admitted
	// quota_exceeded
	// refused by the year of group help
	// admitted
	// moved <nil>
	// admitted
	// help used 3 and has 0 left
	// search used 1 and has 49 left
	// acme used 4 and has 96 left
	// the key used 4
	// in use: true
}
