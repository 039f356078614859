package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestSettleUnits charges an estimate and settles it. The plan has a throttle of 100
// input a second and one for requests, and quotas of 1000 input, 1000 output and 10
// requests.
func TestSettleUnits(t *testing.T) {
	for name, test := range map[string]struct {
		estimate, actual usageplan.Costs
		limits           []int64 // what is used of them afterwards, in the order of the plan
		next             string  // the decision on one more of each unit
	}{
		"as estimated":  {usageplan.Costs{40, 30}, usageplan.Costs{40, 30}, []int64{1, 40, 40, 30, 1}, "admitted"},
		"down":          {usageplan.Costs{40, 30}, usageplan.Costs{10, 20}, []int64{1, 10, 10, 20, 1}, "admitted"},
		"down to none":  {usageplan.Costs{40, 30}, usageplan.Costs{}, []int64{1, 0, 0, 0, 1}, "admitted"},
		"up":            {usageplan.Costs{40, 30}, usageplan.Costs{60, 900}, []int64{1, 60, 60, 900, 1}, "admitted"},
		"mixed":         {usageplan.Costs{40, 30}, usageplan.Costs{10, 90}, []int64{1, 10, 10, 90, 1}, "admitted"},
		"mixed back":    {usageplan.Costs{40, 30}, usageplan.Costs{90, 0}, []int64{1, 90, 90, 0, 1}, "admitted"},
		"a full bucket": {usageplan.Costs{40, 30}, usageplan.Costs{100, 30}, []int64{1, 100, 100, 30, 1}, "throttled, input (input) of key"},
		// A bucket with too few tokens keeps them. The quota counts what was used.
		"above the bucket":         {usageplan.Costs{40, 30}, usageplan.Costs{101, 30}, []int64{1, 40, 101, 30, 1}, "admitted"},
		"above a quota":            {usageplan.Costs{40, 30}, usageplan.Costs{10, 1700}, []int64{1, 10, 10, 1700, 1}, "quota_exceeded, output/day (output) of key"},
		"above a quota and bucket": {usageplan.Costs{40, 30}, usageplan.Costs{1200, 1700}, []int64{1, 40, 1200, 1700, 1}, "quota_exceeded, input/day (input) of key, output/day (output) of key"},
		"from nothing":             {usageplan.Costs{}, usageplan.Costs{7, 8, 9}, []int64{1, 7, 7, 8, 1}, "admitted"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, ctx := newUnits(t), t.Context()
				k, secret, p := h.linked(usageplan.Plan{
					Throttle:  throttle(1, 5),
					Throttles: throttlesOf("100 input/second"),
					Quotas:    quotasOf("1000 input/day", "1000 output/day", "10/day"),
				})
				d := h.ask(gate.Request{Secret: secret, Costs: test.estimate})
				for range 3 {
					require.NoError(t, h.gate.Settle(ctx, d, test.actual))
				}
				require.NoError(t, h.gate.Refund(ctx, d), "it was settled")
				require.Equal(t, test.limits, h.levels(k.ID))
				require.Equal(t, append([]int64{1}, test.actual[:3]...), h.records(p.ID, k.ID, model))
				next := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{1, 1, 1}})
				require.Equal(t, test.next, decision(&next.Outcome))
			})
		})
	}
}

// TestSettleUnitsLater settles and refunds after midnight. Only the windows that were
// charged are corrected.
func TestSettleUnitsLater(t *testing.T) {
	for name, test := range map[string]struct {
		correct       func(h *fixture, d *gate.Decision) error
		input, output int64
		requests      int64
	}{
		"settle": {func(h *fixture, d *gate.Decision) error {
			return h.gate.Settle(h.t.Context(), d, usageplan.Costs{2, 9})
		}, 2, 9, 1},
		"refund": {func(h *fixture, d *gate.Decision) error { return h.gate.Refund(h.t.Context(), d) }, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, ctx := newUnits(t), t.Context()
				k, secret, p := h.linked(usageplan.Plan{Quotas: quotasOf("10 input/day", "10 output/day", "10/day")})
				d := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{5, 5}})
				time.Sleep(25 * time.Hour)
				h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{1, 1}})
				require.NoError(t, test.correct(h, d))
				for unit, want := range map[string]int64{"": test.requests, "requests": test.requests, "input": test.input, "output": test.output, "cents": 0} {
					today := int64(1)
					if unit == "cents" {
						today = 0
					}
					days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, unit, 2)
					require.NoError(t, err)
					require.Equal(t, []int64{want, today}, used(days), unit)
				}
				for name, want := range map[string]int64{"day": test.requests, "input/day": test.input, "output/day": test.output} {
					windows, err := h.gate.UsageByWindow(ctx, p.ID, k.ID, name, 2)
					require.NoError(t, err)
					require.Equal(t, []int64{want, 1}, used(windows), name)
				}
			})
		})
	}
}

// TestRefundUnits gives a charge back. The throttles of units get their tokens back, and
// those of requests do not. A second refund, and one of what was only peeked or refused,
// change nothing.
func TestRefundUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newUnits(t), t.Context()
		k, secret, p := h.linked(usageplan.Plan{
			Throttle:  throttle(0.001, 5),
			Throttles: throttlesOf("100 input/hour", "5/hour"),
			Quotas:    quotasOf("100 input/day", "10/day"),
		})
		h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{10, 1}})
		d := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{60, 7, 3}})
		peeked, err := h.gate.Peek(ctx, gate.Request{Secret: secret, Costs: usageplan.Costs{20}})
		require.NoError(t, err)
		refused := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{31}})
		require.False(t, refused.Allowed)
		require.Equal(t, []int64{2, 70, 2, 70, 2}, h.levels(k.ID))
		for range 2 {
			for _, d := range []*gate.Decision{d, &peeked, refused} {
				require.NoError(t, h.gate.Refund(ctx, d))
			}
		}
		require.Equal(t, []int64{2, 10, 2, 10, 1}, h.levels(k.ID))
		require.Equal(t, []int64{1, 10, 1, 0}, h.records(p.ID, k.ID, model))
	})
}

// TestSettlePeekOfUnits settles what was only peeked. It charges the costs, and no
// request.
func TestSettlePeekOfUnits(t *testing.T) {
	h, ctx := newUnits(t), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: quotasOf("10 input/day", "10/day")})
	d, err := h.gate.Peek(ctx, gate.Request{Secret: secret, Costs: usageplan.Costs{3}})
	require.NoError(t, err)
	require.NoError(t, h.gate.Settle(ctx, &d, usageplan.Costs{12, 1}))
	require.Equal(t, []int64{12, 0}, h.levels(k.ID))
	require.Equal(t, []int64{0, 12, 1, 0}, h.records(p.ID, k.ID, model))
}

// TestSettleBadUnits settles costs that break a rule. The error names all faults at once.
// Nothing is changed, and Settle may be called again.
func TestSettleBadUnits(t *testing.T) {
	h, ctx := newUnits(t, func(cfg *parts) {
		cfg.Units = usageplan.Units{{Name: "input", Required: true}, {Name: "output"}}
	}), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: quotasOf("10 input/day")})
	_ = h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{3, 7}})
	d := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{1, 1}})
	for _, test := range []struct {
		actual usageplan.Costs
		faults []string
	}{
		{usageplan.Costs{-1, store.MaxUnits + 1, 1}, []string{"costs[0] (input): -1:", "costs[1] (output): 9007199254740992:", "costs[2]: 1: want 0"}},
		{usageplan.Costs{1, store.MaxUnits}, []string{"more than can be counted beside the rest"}},
		{usageplan.Costs{store.MaxUnits - 2, 1}, []string{"more than can be counted beside the rest"}},
	} {
		err := h.gate.Settle(ctx, d, test.actual)
		require.ErrorIs(t, err, gate.ErrInvalid)
		for _, fault := range test.faults {
			require.ErrorContains(t, err, fault)
		}
		require.Equal(t, []int64{2, 4, 8}, h.records(p.ID, k.ID, usageplan.Units{{Name: "input"}, {Name: "output"}}))
	}
	require.NoError(t, h.gate.Settle(ctx, d, usageplan.Costs{0, store.MaxUnits - 7}), "0 of a unit that is Required, too")
	require.Equal(t, []int64{2, 3, store.MaxUnits}, h.records(p.ID, k.ID, usageplan.Units{{Name: "input"}, {Name: "output"}}))
}
