package usageplan_test

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// An organisation has a quota that its keys use up together, and each key has a throttle
// of its own.
func ExampleGroups() {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	groups := must(usageplan.NewGroups(st, st, st))
	keys := must(apikey.NewService(st, apikey.Config{CheckGroup: groups.Check}))
	plans := must(usageplan.NewService(st, st))
	g := must(gate.New(st, st, st, gate.Config{}))
	defer g.Close()

	_, _ = plans.Put(ctx, usageplan.Plan{ID: "pro", Quotas: []quota.Quota{quota.MustParse("3/year")}})
	_, _ = plans.Put(ctx, usageplan.Plan{ID: "key", Throttle: new(limiter.MustParse("10/s burst 20"))})
	_, _ = groups.Put(ctx, usageplan.Group{ID: "acme", PlanID: "pro"})
	for _, name := range []string{"crawler", "ranker"} {
		key, _, _ := keys.Create(ctx, apikey.Key{ID: name, GroupID: "acme", Enabled: true})
		_ = plans.Link(ctx, "key", key.ID)
	}

	for _, name := range []string{"crawler", "ranker", "crawler", "ranker"} {
		d, _ := g.Admit(ctx, gate.Request{KeyID: name})
		fmt.Println(name, d.Reason)
	}
	// Output:
	// crawler admitted
	// ranker admitted
	// crawler admitted
	// ranker quota_exceeded
}

// A key has a higher limit than its plan.
func ExampleService_AddLink() {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	keys := must(apikey.NewService(st, apikey.Config{}))
	plans := must(usageplan.NewService(st, st))
	g := must(gate.New(st, st, st, gate.Config{}))
	defer g.Close()

	_, _ = plans.Put(ctx, usageplan.Plan{ID: "free", Quotas: []quota.Quota{quota.MustParse("100/year")}})
	higher := []quota.Quota{quota.MustParse("500/year")}
	for name, quotas := range map[string][]quota.Quota{"app": nil, "batch": higher} {
		key, _, _ := keys.Create(ctx, apikey.Key{ID: name, Enabled: true})
		_, _ = plans.AddLink(ctx, usageplan.Link{PlanID: "free", KeyID: key.ID, Quotas: quotas})
		d, _ := g.Admit(ctx, gate.Request{KeyID: key.ID, Cost: 20})
		for level := range d.Levels() {
			fmt.Println(name, level.Remaining(), "of", level.Max, "left")
		}
	}
	// Unordered output:
	// app 80 of 100 left
	// batch 480 of 500 left
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
