package usageplan_test

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// Two keys of one customer share an allowance, and the customer has a higher limit than
// the plan.
func ExampleService_AddLink() {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	keys := must(apikey.NewService(st, apikey.Config{}))
	plans := must(usageplan.NewService(st, st))
	plan, _ := plans.Create(ctx, usageplan.Plan{Quotas: []quota.Quota{{Limit: 100, Period: quota.Year}}})
	g, _ := gate.New(st, st, st, gate.Config{})
	defer g.Close()

	for _, name := range []string{"app", "batch"} {
		key, secret, _ := keys.Create(ctx, apikey.Key{Name: name, Enabled: true})
		_, _ = plans.AddLink(ctx, usageplan.Link{
			PlanID: plan.ID, KeyID: key.ID, Subject: "customer-7",
			Quotas: []quota.Quota{{Limit: 500, Period: quota.Year}},
		})
		d, _ := g.Admit(ctx, gate.Request{Secret: secret, Cost: 200})
		for level := range d.Levels() {
			fmt.Println(name, level.Remaining(), "of", level.Max, "left")
		}
	}
	// Output:
	// app 300 of 500 left
	// batch 100 of 500 left
}

// An operator looks for keys that no plan admits.
func ExampleService_Audit() {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	keys := must(apikey.NewService(st, apikey.Config{}))
	plans := must(usageplan.NewService(st, st))
	_, _, _ = keys.Create(ctx, apikey.Key{ID: "forgotten", Enabled: true})

	audit, _ := plans.Audit(ctx)
	fmt.Println(audit.KeysWithoutPlan)
	// Output: [forgotten]
}
