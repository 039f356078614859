package usageplan_test

import (
	"context"
	"errors"
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
	groups := must(usageplan.NewGroups(st, st, st, usageplan.Config{}))
	keys := must(apikey.NewService(st, apikey.Config{CheckGroup: groups.Check}))
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
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

// A plan limits the tokens of a language model, and what they cost, beside requests.
func ExampleUnits() {
	const (
		tokens = iota // as declared
		microUSD
	)
	units := usageplan.Units{{Name: "tokens", Required: true}, {Name: "micro_usd"}}

	ctx := context.Background()
	st := memory.New(memory.Config{})
	keys := must(apikey.NewService(st, apikey.Config{}))
	plans := must(usageplan.NewService(st, st, usageplan.Config{Units: units}))
	g := must(gate.New(st, st, st, gate.Config{Units: units}))
	defer g.Close()

	plan := must(usageplan.Parse("pro", "10/s burst 20", "1000 micro_usd/year"))
	plan.Throttles = []usageplan.Throttle{must(usageplan.ParseThrottle("100000 tokens/minute burst 20000 as tpm"))}
	_, _ = plans.Put(ctx, plan)
	key, _, _ := keys.Create(ctx, apikey.Key{ID: "crawler", Enabled: true})
	_ = plans.Link(ctx, "pro", key.ID)

	for _, costs := range []usageplan.Costs{{tokens: 12_000, microUSD: 900}, {tokens: 9_000}, {tokens: 500, microUSD: 101}} {
		d, _ := g.Admit(ctx, gate.Request{KeyID: key.ID, Costs: costs})
		fmt.Println(d.Reason)
	}

	// A misspelt unit would be a limit without effect.
	plan.Quotas[0].Unit = "mikro_usd"
	_, err := plans.Put(ctx, plan)
	fmt.Println(errors.Is(err, usageplan.ErrInvalid))
	// Output:
	// admitted
	// throttled
	// quota_exceeded
	// true
}

// A key has a higher limit than its plan.
func ExampleService_AddLink() {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	keys := must(apikey.NewService(st, apikey.Config{}))
	units := usageplan.Units{{Name: "pages"}}
	plans := must(usageplan.NewService(st, st, usageplan.Config{Units: units}))
	g := must(gate.New(st, st, st, gate.Config{Units: units}))
	defer g.Close()

	_, _ = plans.Put(ctx, usageplan.Plan{ID: "free", Quotas: []quota.Quota{quota.MustParse("100 pages/year")}})
	higher := []quota.Quota{quota.MustParse("500 pages/year")}
	for name, quotas := range map[string][]quota.Quota{"app": nil, "batch": higher} {
		key, _, _ := keys.Create(ctx, apikey.Key{ID: name, Enabled: true})
		_, _ = plans.AddLink(ctx, usageplan.Link{PlanID: "free", KeyID: key.ID, Quotas: quotas})
		d, _ := g.Admit(ctx, gate.Request{KeyID: key.ID, Costs: usageplan.Costs{20}})
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
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	_, _, _ = keys.Create(ctx, apikey.Key{ID: "forgotten", Enabled: true})

	audit, _ := plans.Audit(ctx)
	fmt.Println(audit.KeysWithoutPlan)
	// Output: [forgotten]
}
