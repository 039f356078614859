package gate_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// A service without HTTP creates a key and a plan, links them, and asks the Gate.
func Example() {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	format := apikey.Format{Prefix: "acme"}
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: format}))
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))

	key, secret, _ := keys.Create(ctx, apikey.Key{Name: "worker", Enabled: true})
	plan, _ := plans.Create(ctx, usageplan.Plan{
		Name:     "small",
		Throttle: &limiter.Limit{Rate: 10, Burst: 10},
		Quotas:   []quota.Quota{{Limit: 2, Period: quota.Year}},
	})
	_ = plans.Link(ctx, plan.ID, key.ID)

	g, _ := gate.New(st, st, st, gate.Config{KeyFormat: format})
	defer g.Close()
	for range 3 {
		d, err := g.Admit(ctx, gate.Request{Secret: secret})
		fmt.Println(d.Allowed, d.Reason, err)
	}
	// Output:
	// true admitted <nil>
	// true admitted <nil>
	// false quota_exceeded <nil>
}

// A job is charged the tokens that it uses. The charge is refunded if the job fails.
func ExampleGate_Refund() {
	ctx := context.Background()
	g, plan, key := newExample(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Unit: "tokens", Period: quota.Year}}})
	defer g.Close()

	d, _ := g.Admit(ctx, gate.Request{KeyID: key.ID, Costs: usageplan.Costs{400}})
	fmt.Println(d.Allowed)
	_ = g.Refund(ctx, &d)

	windows, _ := g.UsageByWindow(ctx, plan.ID, key.ID, "tokens/year", 1)
	fmt.Println(windows[0].Used, "of", windows[0].Limit)
	// Output:
	// true
	// 0 of 1000
}

// The cost of a job is known only when the job is done. An estimate is charged first and
// settled afterwards.
func ExampleGate_Settle() {
	ctx := context.Background()
	g, plan, key := newExample(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Unit: "tokens", Period: quota.Year}}})
	defer g.Close()

	d, _ := g.Admit(ctx, gate.Request{KeyID: key.ID, Costs: usageplan.Costs{400}})
	_ = g.Settle(ctx, &d, usageplan.Costs{150}) // the model's answer

	windows, _ := g.UsageByWindow(ctx, plan.ID, key.ID, "tokens/year", 1)
	fmt.Println(windows[0].Used, "of", windows[0].Limit)
	// Output: 150 of 1000
}

// A message that is delivered twice is charged once.
func ExampleRequest_id() {
	ctx := context.Background()
	g, _, key := newExample(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Period: quota.Year}}})
	defer g.Close()

	for range 2 {
		d, _ := g.Admit(ctx, gate.Request{KeyID: key.ID, ID: "message-17"})
		fmt.Println(d.Allowed, d.Charged, d.Repeated)
	}
	// Output:
	// true true false
	// true false true
}

// A customer that has used up a quota gets some more, for this window only.
func ExampleGate_SetRemaining() {
	ctx := context.Background()
	g, plan, key := newExample(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1, Period: quota.Year}}})
	defer g.Close()

	for range 2 {
		d, _ := g.Admit(ctx, gate.Request{KeyID: key.ID})
		fmt.Println(d.Reason)
	}
	_ = g.SetRemaining(ctx, plan.ID, key.ID, "year", 5)
	d, _ := g.Admit(ctx, gate.Request{KeyID: key.ID})
	for level := range d.Levels() {
		fmt.Println(d.Reason, level.Remaining(), "left")
	}
	// Output:
	// admitted
	// quota_exceeded
	// admitted 4 left
}

// newExample returns a Gate of a service that counts tokens, and a key that is linked to
// a plan.
func newExample(p usageplan.Plan) (*gate.Gate, usageplan.Plan, apikey.Key) {
	ctx := context.Background()
	st, units := memory.New(memory.Config{}), usageplan.Units{{Name: "tokens"}}
	key, _, _ := must(apikey.NewService(st, apikey.Config{})).Create(ctx, apikey.Key{Enabled: true})
	plans := must(usageplan.NewService(st, st, usageplan.Config{Units: units}))
	p, _ = plans.Create(ctx, p)
	_ = plans.Link(ctx, p.ID, key.ID)
	g, _ := gate.New(st, st, st, gate.Config{Units: units, Timeout: time.Second})
	return g, p, key
}
