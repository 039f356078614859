package gate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestUnitsFailLocally is a timeline while the Counter fails. Every throttle counts in
// this process by its own unit: a request that one of them refuses takes nothing of any.
func TestUnitsFailLocally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newUnits(t, func(cfg *parts) {
			cfg.Counter = fails{cfg.Counter, func(*store.Charge) bool { return true }}
		})
		_, secret, _ := h.linked(usageplan.Plan{
			Throttle:  throttle(1, 4),
			Throttles: throttlesOf("10 input/second burst 100", "1 output/second burst 20 as slow"),
		})
		for i, step := range []struct {
			after time.Duration
			costs usageplan.Costs
			want  gate.Reason
			retry time.Duration
		}{
			{0, usageplan.Costs{90, 5}, gate.StoreFailed, 0},
			{0, usageplan.Costs{11, 5}, gate.Throttled, 100 * time.Millisecond},
			{0, usageplan.Costs{10, 16}, gate.Throttled, time.Second},
			{0, usageplan.Costs{13, 16}, gate.Throttled, time.Second}, // the longer wait
			{0, usageplan.Costs{1, 21}, gate.NeverFits, store.Never},
			{0, usageplan.Costs{10, 15}, gate.StoreFailed, 0}, // nothing was taken since the first
			{0, usageplan.Costs{0, 0, 9}, gate.StoreFailed, 0},
			{0, usageplan.Costs{}, gate.StoreFailed, 0},
			{0, usageplan.Costs{}, gate.Throttled, time.Second}, // four requests
			{2 * time.Second, usageplan.Costs{20, 2}, gate.StoreFailed, 0},
			{0, usageplan.Costs{0, 1}, gate.Throttled, time.Second},
			{0, usageplan.Costs{1, 0}, gate.Throttled, 100 * time.Millisecond},
		} {
			time.Sleep(step.after)
			for _, decide := range []func(context.Context, gate.Request) (gate.Decision, error){h.gate.Peek, h.gate.Admit} {
				d, err := decide(t.Context(), gate.Request{Secret: secret, Costs: step.costs})
				require.ErrorIs(t, err, errBroken)
				require.Equal(t, step.want.String(), d.Reason.String(), "step %d", i)
				require.Equal(t, step.retry, d.RetryAfter, "step %d", i)
				require.Equal(t, step.want == gate.StoreFailed, d.Allowed, "step %d", i)
				require.False(t, d.Charged)
				require.Zero(t, d.Costs)
				require.NoError(t, h.gate.Settle(t.Context(), &d, usageplan.Costs{1}), "it was not charged")
				require.NoError(t, h.gate.Refund(t.Context(), &d))
			}
		}
	})
}

// TestUnitsFailurePolicy checks which limits the policy for throttles and the one for
// quotas are about: those of all units.
func TestUnitsFailurePolicy(t *testing.T) {
	for name, test := range map[string]struct {
		plan   usageplan.Plan
		policy gate.FailurePolicy
		want   bool
	}{
		"no limits":                    {usageplan.Plan{}, gate.FailurePolicy{}, true},
		"a throttle of a unit":         {usageplan.Plan{Throttles: throttlesOf("1 input/second")}, gate.FailurePolicy{}, true},
		"a closed throttle of a unit":  {usageplan.Plan{Throttles: throttlesOf("1 input/second")}, gate.FailurePolicy{Throttle: gate.FailClosed}, false},
		"a quota of a unit":            {usageplan.Plan{Quotas: quotasOf("1 input/day")}, gate.FailurePolicy{}, false},
		"an open quota of a unit":      {usageplan.Plan{Quotas: quotasOf("1 input/day")}, gate.FailurePolicy{Quota: gate.FailOpen}, true},
		"a blocked throttle of a unit": {usageplan.Plan{Throttles: throttlesOf("0 input/second")}, gate.FailurePolicy{}, false},
		"an open throttle that blocks": {usageplan.Plan{Throttles: throttlesOf("0 input/second")}, gate.FailurePolicy{Throttle: gate.FailOpen}, true},
	} {
		h := newUnits(t, func(cfg *parts) {
			cfg.OnFailure = test.policy
			cfg.Counter = fails{cfg.Counter, func(*store.Charge) bool { return true }}
		})
		_, secret, _ := h.linked(test.plan)
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret, Costs: usageplan.Costs{1}})
		require.ErrorIs(t, err, errBroken, name)
		require.Equal(t, test.want, d.Allowed, name)
	}
}
