package gate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestTwoPlansEverywhere links a key to two plans without stages. The plan of the
// older link counts until it is unlinked. So a key can change its plan without a
// moment in which it has none.
func TestTwoPlansEverywhere(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	k, secret, silver := h.linked(usageplan.Plan{Name: "silver", Quotas: []quota.Quota{{Limit: 2, Period: quota.Year}}})
	gold := h.plan(usageplan.Plan{Name: "gold", Quotas: []quota.Quota{{Limit: 5, Period: quota.Year}}})
	admitted := func(n int) (plans []string) {
		for range n {
			if d := h.admit(gate.Request{Secret: secret}); d.Allowed {
				plans = append(plans, d.Plan.Name)
			}
		}
		return plans
	}
	audited := func() []string {
		a, err := h.plans.Audit(ctx)
		require.NoError(t, err)
		return a.KeysWithManyPlans
	}
	require.Empty(t, audited())
	require.ErrorIs(t, h.plans.Link(ctx, gold.ID, k.ID), usageplan.ErrClash, "it would have no effect")
	_, err := h.plans.AddSpareLink(ctx, usageplan.Link{PlanID: gold.ID, KeyID: k.ID})
	require.NoError(t, err)
	require.Equal(t, []string{k.ID}, audited())
	require.Equal(t, []string{"silver", "silver"}, admitted(3), "the newer plan adds nothing to the older one's quota")
	require.NoError(t, h.plans.Unlink(ctx, silver.ID, k.ID))
	require.Equal(t, []string{"gold", "gold", "gold", "gold", "gold"}, admitted(6))
	require.Empty(t, audited())
	_, err = h.plans.AddSpareLink(ctx, usageplan.Link{PlanID: silver.ID, KeyID: k.ID})
	require.NoError(t, err)
	require.Empty(t, admitted(1), "silver is the newer link now")
}
