package gate_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestClassesChange changes limits of classes. The counts of a limit that stays go on.
func TestClassesChange(t *testing.T) {
	h := newUnits(t)
	_, secret, p := h.linked(usageplan.Plan{For: map[string]usageplan.Limits{"opus": limitsOf("2 input/year")}})
	for i, step := range []struct {
		limits map[string]usageplan.Limits
		want   string
	}{
		{nil, "admitted"}, {nil, "admitted"}, {nil, "quota_exceeded, opus input/year (input) of key"},
		{map[string]usageplan.Limits{"opus": limitsOf("3 input/year")}, "admitted"},
		{map[string]usageplan.Limits{"haiku": limitsOf("1 input/year")}, "admitted"},
		{map[string]usageplan.Limits{"opus": limitsOf("3 input/year soft")}, "admitted"},
		{map[string]usageplan.Limits{"opus": limitsOf("4 input/year", "9 output/year")}, "quota_exceeded, opus input/year (input) of key"},
		{map[string]usageplan.Limits{}, "admitted"},
	} {
		if step.limits != nil {
			require.NoError(t, second(h.plans.Update(t.Context(), p.ID, func(p *usageplan.Plan) error { p.For = step.limits; return nil })))
		}
		d := h.ask(gate.Request{Secret: secret, Class: "opus", Costs: usageplan.Costs{1}})
		require.Equal(t, step.want, decision(&d.Outcome), i)
	}
}

// TestStoredClasses stores plans that no Service writes. Their keys are refused, with and
// without a class, and the error names the fault.
func TestStoredClasses(t *testing.T) {
	many := limitsOf("1/minute", "1/hour", "1/day", "1/week", "1/month")
	for fault, c := range map[string]struct {
		plan usageplan.Plan
		link usageplan.Link
	}{
		"for: a request can meet 10 throttles and quotas: want at most 9": {plan: usageplan.Plan{For: map[string]usageplan.Limits{"a": many, "GET /a": many}}},
		"for: a request can meet 11 throttles": {
			plan: usageplan.Plan{For: map[string]usageplan.Limits{"a": many, "b": limitsOf("1/day")}},
			link: usageplan.Link{Quotas: quotasOf("1/minute", "1/hour", "1/day", "1/week", "1/month", "1/year")}},
		`for["a"].quotas[0]: unit: "tokns"`:             {plan: usageplan.Plan{For: map[string]usageplan.Limits{"a": {Quotas: tokns}}}},
		`for["GET /a"].throttles[0]: unit: "tokns"`:     {plan: usageplan.Plan{For: map[string]usageplan.Limits{"GET /a": {Throttles: toknsBucket}}}},
		`for["a b"]: class: "a b": want`:                {plan: usageplan.Plan{For: map[string]usageplan.Limits{"a b": limitsOf("1/day")}}},
		`for["a"]: store: invalid`:                      {plan: usageplan.Plan{Quotas: quotasOf("1/day as a day"), For: map[string]usageplan.Limits{"a": limitsOf("1/day")}}},
		`for["GET /a"]: store: invalid`:                 {plan: usageplan.Plan{For: map[string]usageplan.Limits{"GET /a": {Quotas: []quota.Quota{{Limit: -1, Period: quota.Day}}}}}},
		`for["b"]: store: invalid`:                      {plan: usageplan.Plan{For: map[string]usageplan.Limits{"b": {Quotas: []quota.Quota{{Limit: 1}}}, "a": limitsOf("1/day")}}},
		`for["a"].throttles[0].rate: -1 a second: want`: {plan: usageplan.Plan{For: map[string]usageplan.Limits{"a": {Throttles: []usageplan.Throttle{{Limit: limiter.Limit{Rate: -1}}}}}}},
	} {
		t.Run(fault, func(t *testing.T) {
			h := newTokens(t)
			h.insert(c.plan, c.link, nil)
			for _, class := range []string{"", "a"} {
				d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: "k", Class: class})
				require.ErrorContains(t, err, fault)
				require.Equal(t, gate.StoreFailed, d.Reason)
			}
		})
	}
}

// TestLimitsOfAClassStay checks that all decisions about one class and route have the
// same Limits, at the same place. Callers may keep what they made of them.
func TestLimitsOfAClassStay(t *testing.T) {
	h := newFixture(t)
	_, secret, _ := h.linked(usageplan.Plan{
		Quotas: quotasOf("1000000/year"), Routes: map[string]limiter.Limit{"GET /a": {Rate: 1e9, Burst: 1e9}},
		For: map[string]usageplan.Limits{"a": limitsOf("1000000/year"), "b": limitsOf("1000000/year"), "GET /a": limitsOf("1000000/year"), "GET /b": limitsOf("1000000/year")},
	})
	var mu sync.Mutex
	places := map[string]*gate.Limit{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 300 {
				class, route := []string{"", "a", "b", fmt.Sprint("none-", i)}[i%4], []string{"GET /a", "GET /b", fmt.Sprint("GET /", i)}[i%3]
				d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret, Class: class, Route: route, ID: fmt.Sprint(i)})
				if err != nil || !d.Allowed {
					t.Error(d.Reason, err)
				}
				names := ""
				for _, l := range d.Limits() {
					names += l.Name + ", "
				}
				mu.Lock()
				if first := &d.Limits()[0]; places[names] == nil {
					places[names] = first
				} else if places[names] != first {
					t.Error("another slice: ", names)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, places, 9, "of three classes and three routes")
}
