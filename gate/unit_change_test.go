package gate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestChangedLimits charges 30 input and 7 output, changes the plan, and reads its limit.
// A change of the figures keeps the count. Another unit, name or period is another count.
func TestChangedLimits(t *testing.T) {
	type limit struct{ throttle, quota string }
	for name, test := range map[string]struct {
		from, to limit
		want     int64 // what is used
	}{
		"throttle: the same":            {limit{throttle: "100 input/day"}, limit{throttle: "100 input/day"}, 30},
		"throttle: another rate":        {limit{throttle: "100 input/day"}, limit{throttle: "2 input/day burst 100"}, 30},
		"throttle: the default name":    {limit{throttle: "100 input/day"}, limit{throttle: "100 input/day as input"}, 30},
		"throttle: a name":              {limit{throttle: "100 input/day"}, limit{throttle: "100 input/day as tpm"}, 0},
		"throttle: another name":        {limit{throttle: "100 input/day as a"}, limit{throttle: "100 input/day as b"}, 0},
		"throttle: another unit":        {limit{throttle: "100 input/day"}, limit{throttle: "100 output/day"}, 0},
		"throttle: a name and unit":     {limit{throttle: "100 input/day as tpm"}, limit{throttle: "100 output/day as tpm"}, 0},
		"throttle: to requests":         {limit{throttle: "100 input/day as tpm"}, limit{throttle: "100/day as tpm"}, 0},
		"throttle: named as a unit":     {limit{throttle: "100 input/day"}, limit{throttle: "100/day as input"}, 0},
		"throttle: requests":            {limit{throttle: "100/day"}, limit{throttle: "100 requests/day"}, 1},
		"throttle: named as both":       {limit{throttle: "100 input/day as x"}, limit{throttle: "100/day as input x"}, 0},
		"throttle: requests as itself":  {limit{throttle: "100/day"}, limit{throttle: "100/day as requests"}, 1},
		"quota: the same":               {limit{quota: "100 input/year"}, limit{quota: "100 input/year"}, 30},
		"quota: another limit":          {limit{quota: "100 input/year"}, limit{quota: "10 input/year"}, 30},
		"quota: a name":                 {limit{quota: "100 input/year"}, limit{quota: "100 input/year as a"}, 0},
		"quota: another name":           {limit{quota: "100 input/year as a"}, limit{quota: "100 input/year as b"}, 0},
		"quota: another unit":           {limit{quota: "100 input/year"}, limit{quota: "100 output/year"}, 0},
		"quota: a name and unit":        {limit{quota: "100 input/year as a"}, limit{quota: "100 output/year as a"}, 0},
		"quota: to requests":            {limit{quota: "100 input/year as a"}, limit{quota: "100/year as a"}, 0},
		"quota: from requests":          {limit{quota: "100/year"}, limit{quota: "100 input/year"}, 0},
		"quota: another period":         {limit{quota: "100 input/year as a"}, limit{quota: "100 input/month as a"}, 0},
		"quota: requests":               {limit{quota: "100/year"}, limit{quota: "100 requests/year"}, 1},
		"a quota instead of a throttle": {limit{throttle: "100 input/day as a"}, limit{quota: "100 input/year as a"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h, ctx := newUnits(t), t.Context()
			set := func(p *usageplan.Plan, l limit) {
				p.Throttles, p.Quotas = nil, nil
				if l.throttle != "" {
					p.Throttles = throttlesOf(l.throttle)
				}
				if l.quota != "" {
					p.Quotas = quotasOf(l.quota)
				}
			}
			var p usageplan.Plan
			set(&p, test.from)
			k, secret, p := h.linked(p)
			d := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{30, 7}})
			require.True(t, d.Allowed)
			require.NotEqual(t, []int64{0}, h.levels(k.ID))
			require.NoError(t, second(h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) error { set(p, test.to); return nil })))
			require.Equal(t, []int64{test.want}, h.levels(k.ID))
			require.NoError(t, h.gate.Settle(ctx, d, usageplan.Costs{31}), "what was charged is corrected")
			require.Equal(t, []int64{1, 31, 0, 0}, h.records(p.ID, k.ID, model))
		})
	}
}

// TestOverrideLimits has links that replace the limits of a plan. Those that are nil are
// the plan's. Those that are empty are none.
func TestOverrideLimits(t *testing.T) {
	for name, test := range map[string]struct {
		link usageplan.Link
		want []string // the names of the limits
	}{
		"nothing":            {usageplan.Link{}, []string{"throttle", "input", "day", "output/day"}},
		"the throttle":       {usageplan.Link{Throttle: throttle(1, 7)}, []string{"throttle", "input", "day", "output/day"}},
		"no throttles":       {usageplan.Link{Throttles: []usageplan.Throttle{}}, []string{"throttle", "day", "output/day"}},
		"other throttles":    {usageplan.Link{Throttles: throttlesOf("1 output/second as a", "9/hour")}, []string{"throttle", "a", "requests", "day", "output/day"}},
		"the same throttle":  {usageplan.Link{Throttles: throttlesOf("7 input/second")}, []string{"throttle", "input", "day", "output/day"}},
		"no quotas":          {usageplan.Link{Quotas: []quota.Quota{}}, []string{"throttle", "input"}},
		"other quotas":       {usageplan.Link{Quotas: quotasOf("5 cents/week")}, []string{"throttle", "input", "cents/week"}},
		"neither":            {usageplan.Link{Throttles: []usageplan.Throttle{}, Quotas: []quota.Quota{}}, []string{"throttle"}},
		"all, and unlimited": {usageplan.Link{Throttle: unlimited(), Throttles: throttlesOf("1/hour as a"), Quotas: quotasOf("2/day as b")}, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			h, ctx := newUnits(t), t.Context()
			k, secret, p := h.linked(usageplan.Plan{Throttle: throttle(1, 5), Throttles: throttlesOf("100 input/second"), Quotas: quotasOf("10/day", "10 output/day")})
			other, _ := h.key("other")
			require.NoError(t, h.plans.Link(ctx, p.ID, other.ID))
			require.NoError(t, second(h.plans.UpdateLink(ctx, p.ID, k.ID, func(l *usageplan.Link) error {
				l.Throttle, l.Throttles, l.Quotas = test.link.Throttle, test.link.Throttles, test.link.Quotas
				return nil
			})))
			d := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{1, 1, 1}})
			require.True(t, d.Allowed)
			var names []string
			for l := range d.Levels() {
				names = append(names, l.Name)
				require.EqualValues(t, 1, l.Used, l.Name)
			}
			require.Equal(t, test.want, names)
			require.Equal(t, []int64{1, 1, 1, 1}, h.records(p.ID, k.ID, model), "records are of every unit")
			require.Equal(t, []int64{0, 0, 0, 0}, h.levels(other.ID), "another link has the plan's limits")
		})
	}
}

// TestRoutesBesideThrottles has throttles of routes, which replace the throttle of the
// plan. The other throttles count on every route.
func TestRoutesBesideThrottles(t *testing.T) {
	h := newUnits(t)
	p := usageplan.Plan{Throttle: throttle(0.001, 2), Throttles: throttlesOf("0.001 input/second burst 100", "0.001/second burst 4")}
	p.Routes = map[string]limiter.Limit{"GET /a": *throttle(0.001, 1), "GET /free": *unlimited()}
	_, secret, _ := h.linked(p)
	for i, step := range []struct {
		route string
		input int64
		want  string
	}{
		{"GET /a", 10, "admitted"},
		{"GET /a", 10, "throttled, throttle GET /a (requests) of key"},
		{"GET /a", 91, "throttled, throttle GET /a (requests) of key, input (input) of key"},
		{"GET /free", 91, "throttled, input (input) of key"},
		{"GET /free", 20, "admitted"},
		{"GET /b", 20, "admitted"},
		{"GET /c", 20, "admitted"},
		{"GET /c", 0, "throttled, throttle (requests) of key, requests (requests) of key"},
		{"GET /free", 0, "throttled, requests (requests) of key"},
	} {
		d := h.ask(gate.Request{Secret: secret, Route: step.route, Costs: usageplan.Costs{step.input}})
		require.Equal(t, step.want, decision(&d.Outcome), "step %d", i)
	}
}
