package gate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestDetached checks that a detached plan counts on no stage. It does not clash with
// other plans and admits no request.
func TestDetached(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	a, b := usageplan.Stage{API: "pets", Name: "a"}, usageplan.Stage{API: "pets", Name: "b"}
	k, secret, first := h.linked(usageplan.Plan{Name: "first", Stages: []usageplan.Stage{a}})
	second := h.plan(usageplan.Plan{Name: "second", Stages: []usageplan.Stage{b}})
	require.NoError(t, h.plans.Link(ctx, second.ID, k.ID))
	counts := func(want ...string) {
		t.Helper()
		for i, s := range []usageplan.Stage{a, b, {API: "secret", Name: "admin"}, {}} {
			d := h.admit(gate.Request{Secret: secret, API: s.API, Stage: s.Name})
			got := d.Reason.String()
			if d.Plan != nil {
				got = d.Plan.Name
			}
			require.Equal(t, want[i], got, "%s", s)
		}
	}
	change := func(p usageplan.Plan, detached bool, stages ...usageplan.Stage) error {
		_, err := h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) error { p.Stages, p.Detached = stages, detached; return nil })
		return err
	}
	counts("first", "second", "no_plan", "no_plan")
	require.NoError(t, change(first, true))
	counts("no_plan", "second", "no_plan", "no_plan")
	require.NoError(t, change(second, true), "two detached plans do not clash")
	counts("no_plan", "no_plan", "no_plan", "no_plan")
	require.NoError(t, change(second, false))
	counts("second", "second", "second", "second")
	require.NoError(t, change(first, false), "both for every stage: the older link counts")
	counts("first", "first", "first", "first")
	require.NoError(t, change(first, false, b))
	counts("second", "first", "second", "second")
	require.ErrorIs(t, change(second, false, a, b), usageplan.ErrClash)
	require.NoError(t, change(second, true))

	third := h.plan(usageplan.Plan{Name: "third", Detached: true})
	require.NoError(t, h.plans.Link(ctx, third.ID, k.ID))
	require.ErrorIs(t, change(third, false, b), usageplan.ErrClash)
	audit, err := h.plans.Audit(ctx)
	require.NoError(t, err)
	require.Empty(t, audit.KeysWithManyPlans)
	require.Empty(t, audit.KeysWithoutPlan)
	require.NoError(t, change(first, true))
	audit, err = h.plans.Audit(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{k.ID}, audit.KeysWithoutPlan)
}
