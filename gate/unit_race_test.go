package gate_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestUnitsAtOnce has 100 requests at the same time against 50 of a unit, for two units
// and each combination of throttle and quota. Exactly as many are admitted as fit, and
// both units are charged for these alone.
func TestUnitsAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		plan  usageplan.Plan
		costs usageplan.Costs
		want  int64
	}{
		"two quotas":           {usageplan.Plan{Quotas: quotasOf("50 input/year", "50 output/year")}, usageplan.Costs{1, 1}, 50},
		"two throttles":        {usageplan.Plan{Throttles: throttlesOf("0.001 input/day burst 50", "0.001 output/day burst 50")}, usageplan.Costs{1, 1}, 50},
		"a throttle and quota": {usageplan.Plan{Throttles: throttlesOf("0.001 input/day burst 50"), Quotas: quotasOf("50 output/year")}, usageplan.Costs{1, 1}, 50},
		"one is short":         {usageplan.Plan{Quotas: quotasOf("50 input/year", "50 output/year")}, usageplan.Costs{1, 3}, 16},
		"the other is short":   {usageplan.Plan{Quotas: quotasOf("50 input/year", "50 output/year")}, usageplan.Costs{7, 2}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			h := newUnits(t)
			k, secret, p := h.linked(test.plan)
			var admitted atomic.Int64
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret, Costs: test.costs})
					if err != nil {
						t.Error(err)
					}
					if d.Allowed {
						admitted.Add(1)
					}
				})
			}
			wg.Wait()
			require.Equal(t, test.want, admitted.Load())
			require.Equal(t, []int64{test.want * test.costs[0], test.want * test.costs[1]}, h.levels(k.ID))
			require.Equal(t, []int64{test.want, test.want * test.costs[0], test.want * test.costs[1], 0}, h.records(p.ID, k.ID, model))
		})
	}
}

// TestSettleUnitsAtOnce has 100 requests, each of which is charged, settled and refunded
// from several goroutines. What is counted is what was settled.
func TestSettleUnitsAtOnce(t *testing.T) {
	h, ctx := newUnits(t), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: quotasOf("100000 input/year", "100000 output/year")})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			d, err := h.gate.Admit(ctx, gate.Request{Secret: secret, Costs: usageplan.Costs{10, 10}})
			if err != nil || !d.Allowed {
				t.Error(d.Reason, err)
			}
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					if err := h.gate.Settle(ctx, &d, usageplan.Costs{4, 25, 1}); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if err := h.gate.Refund(ctx, &d); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, []int64{400, 2500}, h.levels(k.ID))
	require.Equal(t, []int64{100, 400, 2500, 100}, h.records(p.ID, k.ID, model))
}
