package usageplan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestChecks expects each check to report what the service would refuse, without a store.
func TestChecks(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Config{})
	s, err := usageplan.NewService(st, st, usageplan.Config{Units: usageplan.Units{{Name: "tokens"}}, Classes: []string{"opus"}})
	require.NoError(t, err)
	daily := []quota.Quota{{Limit: 1, Period: quota.Day}}
	bytes := []quota.Quota{{Limit: 1, Period: quota.Day, Unit: "bytes"}}
	p := usageplan.Plan{ID: "p", Quotas: daily, For: map[string]usageplan.Limits{"gpt": {Quotas: daily}}}
	for name, test := range map[string]struct {
		err  error
		want []string // nil if there is no fault
	}{
		"plan":      {s.CheckPlan(&usageplan.Plan{ID: "p", Quotas: daily}), nil},
		"bad plan":  {s.CheckPlan(&p), []string{`for["gpt"]: class: "gpt": want one that is declared: opus`}},
		"bad plans": {s.CheckPlan(&usageplan.Plan{ID: "a b", Quotas: bytes}), []string{"id: \"a b\"", "quotas[0].unit: \"bytes\""}},

		"link":           {s.CheckLink(&usageplan.Link{PlanID: "p", KeyID: "k", Quotas: daily}, &p), nil},
		"bad link":       {s.CheckLink(&usageplan.Link{Quotas: bytes}, nil), []string{"planId, keyId: ", "quotas[0].unit: \"bytes\""}},
		"link beside":    {s.CheckLink(&usageplan.Link{PlanID: "p", KeyID: "k", Throttles: throttleNamedDay}, &p), []string{"with the other limits of plan p: quotas[0].name: \"day\""}},
		"link by itself": {s.CheckLink(&usageplan.Link{PlanID: "p", KeyID: "k", Throttles: throttleNamedDay}, nil), nil},

		"group":        {s.CheckGroup(&usageplan.Group{ID: "g", PlanID: "p", Quotas: daily}, &p), nil},
		"bad group":    {s.CheckGroup(&usageplan.Group{ID: "g", Quotas: bytes}, nil), []string{"without a planId", "quotas[0].unit: \"bytes\""}},
		"group beside": {s.CheckGroup(&usageplan.Group{ID: "g", PlanID: "p", Throttles: throttleNamedDay}, &p), []string{"with the other limits of plan p"}},
	} {
		if test.want == nil {
			require.NoError(t, test.err, name)
			continue
		}
		require.ErrorIs(t, test.err, usageplan.ErrInvalid, name)
		for _, want := range test.want {
			require.ErrorContains(t, test.err, want, name)
		}
		require.NotContains(t, test.err.Error(), "allowance", name)
	}
}

var throttleNamedDay = []usageplan.Throttle{usageplan.MustParseThrottle("1/s as day")}
