package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestSettleAfterChange settles a request that an older plan admitted, while the new
// plan's bucket is empty. The old figures must not refill the bucket of the new plan.
func TestSettleAfterChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newTokens(t), t.Context()
		_, secret, p := h.linked(usageplan.Plan{Throttles: throttlesOf("1000 tokens/second burst 1000 as tpm")})
		var old []*gate.Decision
		for range 10 {
			d, err := h.gate.Admit(ctx, gate.Request{Secret: secret, Costs: costs(2)})
			require.NoError(t, err)
			old = append(old, &d)
		}
		require.NoError(t, second(h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) error { p.Throttles = throttlesOf("1 tokens/hour burst 100 as tpm"); return nil })))
		admitted := 0
		for _, d := range old {
			for h.spend(secret, 100) == gate.Admitted {
				admitted++
			}
			time.Sleep(time.Second)
			require.NoError(t, h.gate.Settle(ctx, d, costs(1)))
		}
		require.LessOrEqual(t, admitted, 1)
	})
}

// TestSettleAfterChangeOfGroup settles up, after the plan of an organisation was lowered.
func TestSettleAfterChangeOfGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newTree(t), t.Context()
		h.plan(usageplan.Plan{ID: "org", Throttles: throttlesOf("1000 tokens/second burst 1000 as tpm")})
		h.group("acme org")
		secret := h.member("k", "acme")
		var old []*gate.Decision
		for range 10 {
			d, err := h.gate.Admit(ctx, gate.Request{Secret: secret, Costs: costs(1)})
			require.NoError(t, err)
			old = append(old, &d)
		}
		require.NoError(t, second(h.plans.Update(ctx, "org", func(p *usageplan.Plan) error { p.Throttles = throttlesOf("1 tokens/hour burst 100 as tpm"); return nil })))
		admitted := 0
		for _, d := range old {
			for h.spend(secret, 90) == gate.Admitted {
				admitted++
			}
			time.Sleep(time.Second)
			require.NoError(t, h.gate.Settle(ctx, d, costs(2)))
		}
		require.LessOrEqual(t, admitted, 1)
	})
}

// TestSettleAfterOverride lowers a throttle by the override of a link. The Gate has read
// the key again before the request is settled.
func TestSettleAfterOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newTokens(t), t.Context()
		k, secret, p := h.linked(usageplan.Plan{Throttles: throttlesOf("1000 tokens/second burst 1000 as tpm")})
		d := h.admit(gate.Request{Secret: secret, Costs: costs(2)})
		require.NoError(t, second(h.plans.UpdateLink(ctx, p.ID, k.ID, func(l *usageplan.Link) error { l.Throttles = throttlesOf("1 tokens/hour burst 100 as tpm"); return nil })))
		require.Equal(t, gate.Admitted, h.spend(secret, 100))
		require.Equal(t, gate.Throttled, h.spend(secret, 100))
		time.Sleep(time.Second)
		require.NoError(t, h.gate.Settle(ctx, &d, costs(1)))
		require.Equal(t, gate.Throttled, h.spend(secret, 100))
	})
}
