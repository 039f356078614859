package ration_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestUnits checks that plans, groups and the gate of a Ration have its units.
func TestUnits(t *testing.T) {
	ctx, units := t.Context(), usageplan.Units{{Name: "tokens"}, {Name: "images", Required: true}}
	for name, cfg := range map[string]ration.Config{
		"by default":        {Units: units},
		"given to the gate": {Units: units, Gate: gate.Config{Units: usageplan.Units{{Name: "tokens"}, {Name: "images", Required: true}}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRation(t, cfg)
			_, err := r.Plan(ctx, "key", "unlimited", "10 tokens/year")
			require.NoError(t, err)
			_, err = r.Plan(ctx, "typo", "unlimited", "10 token/year")
			require.ErrorContains(t, err, `unit: "token": want one that is declared: requests, tokens, images`)
			group := usageplan.Group{ID: "acme", PlanID: "key", Quotas: []quota.Quota{quota.MustParse("3 images/year")}}
			_, err = r.Groups.Put(ctx, group)
			require.NoError(t, err)
			group.Quotas[0].Unit = "image"
			_, err = r.Groups.Put(ctx, group)
			require.ErrorContains(t, err, `unit: "image": want one that is declared`)
			_, _, err = r.Keys.Create(ctx, apikey.Key{ID: "ann", GroupID: "acme", Enabled: true})
			require.NoError(t, err)
			require.NoError(t, r.Plans.Link(ctx, "key", "ann"))

			admit := func(costs usageplan.Costs) gate.Reason {
				d, _ := r.Gate.Admit(ctx, gate.Request{KeyID: "ann", Costs: costs})
				return d.Reason
			}
			require.Equal(t, gate.Admitted, admit(usageplan.Costs{6, 1}))
			require.Equal(t, gate.QuotaExceeded, admit(usageplan.Costs{6, 1}), "tokens of the key")
			require.Equal(t, gate.QuotaExceeded, admit(usageplan.Costs{1, 3}), "images of the group")
			require.Equal(t, gate.Invalid, admit(usageplan.Costs{1}), "images are required")
			days, err := r.Gate.UsageByDay(ctx, "key", "ann", "images", 1)
			require.NoError(t, err)
			require.EqualValues(t, 1, days[0].Used)
		})
	}
}

// TestUnitsDiffer checks that the gate may not have other units than the plans, and that
// bad units are reported once.
func TestUnitsDiffer(t *testing.T) {
	const want = "ration: gate.units: want none, or those of units, in the same order"
	a, b := usageplan.Unit{Name: "a"}, usageplan.Unit{Name: "b"}
	for name, c := range map[string]struct {
		plans, gate usageplan.Units
		err         string
	}{
		"another order":    {usageplan.Units{a, b}, usageplan.Units{b, a}, want},
		"one fewer":        {usageplan.Units{a, b}, usageplan.Units{a}, want},
		"the gate alone":   {nil, usageplan.Units{a}, want},
		"another rule":     {usageplan.Units{a}, usageplan.Units{{Name: "a", Required: true}}, want},
		"a bad name":       {usageplan.Units{{Name: "A"}}, nil, `usageplan: invalid units: [0].name: "A": ` + quota.UnitRule},
		"a bad name twice": {usageplan.Units{{Name: "A"}}, usageplan.Units{{Name: "A"}}, `usageplan: invalid units: [0].name: "A": ` + quota.UnitRule},
	} {
		_, err := ration.New(memory.New(memory.Config{}), ration.Config{Units: c.plans, Gate: gate.Config{Units: c.gate}})
		require.EqualError(t, err, c.err, name)
	}
}
