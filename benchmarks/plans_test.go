package benchmarks

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// planTurns returns the turns of whole decisions under plans with more limits than the
// plain one, which has a throttle and a quota by the day. It comes first.
func planTurns(b *testing.B) (all []*turn) {
	ample := limiter.Limit{Rate: 1, Burst: 1 << 32}
	routes := map[string]limiter.Limit{"GET /pets": ample, "GET /pets/{id}": ample, "POST /pets": ample}
	quotas := func(texts ...string) (all []quota.Quota) {
		for _, text := range texts {
			all = append(all, quota.MustParse("1000000000000"+text))
		}
		return all
	}
	tokens := usageplan.Units{{Name: "tokens"}}
	for _, p := range []struct {
		name   string
		plan   usageplan.Plan
		units  usageplan.Units
		costs  usageplan.Costs
		routes []string // in turn
	}{
		{name: "plain", plan: usageplan.Plan{Quotas: quotas("/day")}, routes: []string{""}},
		{name: "quotas", plan: usageplan.Plan{Quotas: quotas("/hour", "/day", "/month")}, routes: []string{""}},
		{name: "route", plan: usageplan.Plan{Quotas: quotas("/day"), Routes: routes}, routes: []string{"", "GET /pets"}},
		{name: "routes", plan: usageplan.Plan{Quotas: quotas("/day"), Routes: routes}, routes: []string{"GET /pets", "GET /pets/{id}", "POST /pets"}},
		{name: "units", plan: usageplan.Plan{
			Throttles: []usageplan.Throttle{{Unit: "tokens", Limit: ample}},
			Quotas:    quotas("/day", " tokens/day"),
		}, units: tokens, costs: usageplan.Costs{1}, routes: []string{""}},
	} {
		p.plan.Throttle = &ample
		admit, text := openPlan(b, p.plan, p.units)
		next, secret := 0, apikey.Secret(text)
		decide := func(ctx context.Context, _ string) (bool, error) {
			route := p.routes[next]
			if next++; next == len(p.routes) {
				next = 0
			}
			d, err := admit(ctx, gate.Request{Secret: secret, Route: route, Costs: p.costs})
			return d.Allowed, err
		}
		all = append(all, &turn{p.name, decide, "", true})
	}
	return all
}

// openPlan returns Admit of a Gate, and the secret of a key under a plan.
func openPlan(b *testing.B, p usageplan.Plan, units usageplan.Units) (func(context.Context, gate.Request) (gate.Decision, error), string) {
	st, ctx := memory.New(memory.Config{}), context.Background()
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}}))
	plans := must(usageplan.NewService(st, st, usageplan.Config{Units: units}))
	made, err := plans.Create(ctx, p)
	require.NoError(b, err)
	key, secret, err := keys.Create(ctx, apikey.Key{Enabled: true})
	require.NoError(b, err)
	require.NoError(b, plans.Link(ctx, made.ID, key.ID))
	g, err := gate.New(st, st, st, gate.Config{MaxAge: time.Hour, Units: units})
	require.NoError(b, err)
	b.Cleanup(func() { _ = g.Close() })
	return g.Admit, string(secret)
}
