package usageplan_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// A service without HTTP: a key, a plan, a link, and the Gate that decides.
func Example() {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	format := apikey.Format{Prefix: "acme"}
	keys := apikey.NewService(st, apikey.Config{KeyFormat: format})
	plans := usageplan.NewService(st, st, usageplan.ServiceConfig{})

	key, secret, _ := keys.Create(ctx, apikey.Key{Name: "worker", Enabled: true})
	plan, _ := plans.Create(ctx, usageplan.Plan{
		Name:     "small",
		Throttle: &limiter.Limit{Rate: 10, Burst: 10},
		Quotas:   []quota.Quota{{Limit: 2, Period: quota.Year}},
	})
	_ = plans.Link(ctx, plan.ID, key.ID)

	gate, _ := usageplan.NewGate(usageplan.GateConfig{Keys: st, Plans: st, Counter: st, KeyFormat: format})
	defer gate.Close()
	for range 3 {
		d, err := gate.Admit(ctx, usageplan.Request{Secret: secret})
		fmt.Println(d.Allowed, d.Reason, err)
	}
	// Output:
	// true admitted <nil>
	// true admitted <nil>
	// false quota_exceeded <nil>
}

// Jobs whose cost is known count as many units, and a job that failed is not paid for.
func ExampleGate_Refund() {
	ctx := context.Background()
	gate, plan, key := newExample(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Period: quota.Year}}})
	defer gate.Close()

	d, _ := gate.Admit(ctx, usageplan.Request{KeyID: key.ID, Cost: 400})
	fmt.Println(d.Allowed)
	_ = gate.Refund(ctx, &d)

	windows, _ := gate.UsageByWindow(ctx, plan.ID, key.ID, "year", 1)
	fmt.Println(windows[0].Used, "of", windows[0].Limit)
	// Output:
	// true
	// 0 of 1000
}

// What a job costs is known when it is done: an estimate is reserved, and settled.
func ExampleGate_Settle() {
	ctx := context.Background()
	gate, plan, key := newExample(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Period: quota.Year}}})
	defer gate.Close()

	d, _ := gate.Admit(ctx, usageplan.Request{KeyID: key.ID, Cost: 400})
	tokens := int64(150) // the model's answer
	_ = gate.Settle(ctx, &d, tokens)

	windows, _ := gate.UsageByWindow(ctx, plan.ID, key.ID, "year", 1)
	fmt.Println(windows[0].Used, "of", windows[0].Limit)
	// Output: 150 of 1000
}

// A message that is delivered twice is charged once.
func ExampleRequest_id() {
	ctx := context.Background()
	gate, _, key := newExample(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Period: quota.Year}}})
	defer gate.Close()

	for range 2 {
		d, _ := gate.Admit(ctx, usageplan.Request{KeyID: key.ID, ID: "message-17"})
		fmt.Println(d.Allowed, d.Cost, d.Repeated)
	}
	// Output:
	// true 1 false
	// true 0 true
}

// A customer who ran out gets some more, for this window only.
func ExampleGate_SetRemaining() {
	ctx := context.Background()
	gate, plan, key := newExample(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1, Period: quota.Year}}})
	defer gate.Close()

	for range 2 {
		d, _ := gate.Admit(ctx, usageplan.Request{KeyID: key.ID})
		fmt.Println(d.Reason)
	}
	_ = gate.SetRemaining(ctx, plan.ID, key.ID, "year", 5)
	d, _ := gate.Admit(ctx, usageplan.Request{KeyID: key.ID})
	for level := range d.Levels() {
		fmt.Println(d.Reason, level.Remaining(), "left")
	}
	// Output:
	// admitted
	// quota_exceeded
	// admitted 4 left
}

// Two keys of one customer share an allowance, and the customer has a limit of its own.
func ExampleService_AddLink() {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	keys := apikey.NewService(st, apikey.Config{})
	plans := usageplan.NewService(st, st, usageplan.ServiceConfig{})
	plan, _ := plans.Create(ctx, usageplan.Plan{Quotas: []quota.Quota{{Limit: 100, Period: quota.Year}}})
	gate, _ := usageplan.NewGate(usageplan.GateConfig{Keys: st, Plans: st, Counter: st})
	defer gate.Close()

	for _, name := range []string{"app", "batch"} {
		key, secret, _ := keys.Create(ctx, apikey.Key{Name: name, Enabled: true})
		_, _ = plans.AddLink(ctx, usageplan.Link{
			PlanID: plan.ID, KeyID: key.ID, Subject: "customer-7",
			Quotas: []quota.Quota{{Limit: 500, Period: quota.Year}},
		})
		d, _ := gate.Admit(ctx, usageplan.Request{Secret: secret, Cost: 200})
		for level := range d.Levels() {
			fmt.Println(name, level.Remaining(), "of", level.Max, "left")
		}
	}
	// Output:
	// app 300 of 500 left
	// batch 100 of 500 left
}

// An operator looks for what needs mending.
func ExampleService_Audit() {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	keys := apikey.NewService(st, apikey.Config{})
	plans := usageplan.NewService(st, st, usageplan.ServiceConfig{})
	_, _, _ = keys.Create(ctx, apikey.Key{ID: "forgotten", Enabled: true})

	audit, _ := plans.Audit(ctx)
	fmt.Println(audit.KeysWithoutPlan)
	// Output: [forgotten]
}

// newExample is a Gate with a key that is linked to a plan.
func newExample(p usageplan.Plan) (*usageplan.Gate, usageplan.Plan, apikey.Key) {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	key, _, _ := apikey.NewService(st, apikey.Config{}).Create(ctx, apikey.Key{Enabled: true})
	plans := usageplan.NewService(st, st, usageplan.ServiceConfig{})
	p, _ = plans.Create(ctx, p)
	_ = plans.Link(ctx, p.ID, key.ID)
	gate, _ := usageplan.NewGate(usageplan.GateConfig{Keys: st, Plans: st, Counter: st, Timeout: time.Second})
	return gate, p, key
}
