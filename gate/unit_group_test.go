package gate_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// family makes the organisation "org", its team "team" and the key "key" in the team,
// with a plan each. The plan of the key has the ID "key".
func (h *fixture) family(key, team, org usageplan.Plan) {
	h.t.Helper()
	ctx, groups := h.t.Context(), must(usageplan.NewGroups(h.st, h.st, h.st, usageplan.Config{Units: model}))
	for id, p := range map[string]usageplan.Plan{"key": key, "team": team, "org": org} {
		p.ID = id
		h.plan(p)
	}
	for _, g := range []usageplan.Group{{ID: "org", PlanID: "org"}, {ID: "team", ParentID: "org", PlanID: "team"}} {
		require.NoError(h.t, second(groups.Create(ctx, g)))
	}
	_, _, err := h.keys.Create(ctx, apikey.Key{ID: "key", GroupID: "team", Enabled: true})
	require.NoError(h.t, err)
	require.NoError(h.t, h.plans.Link(ctx, "key", "key"))
}

// newFamily returns a fixture with a family whose members have limits in several units.
func newFamily(t *testing.T) *fixture {
	h := newUnits(t)
	h.family(
		usageplan.Plan{Throttles: throttlesOf("0.001 input/second burst 100"), Quotas: quotasOf("50 output/day")},
		usageplan.Plan{Throttles: throttlesOf("0.001 input/second burst 150"), Quotas: quotasOf("60 output/day", "500 cents/day")},
		usageplan.Plan{Throttle: throttle(0.001, 9), Quotas: quotasOf("700 cents/month as budget")},
	)
	return h
}

// groupLevels returns what is used of the limits of the groups above a key.
func (h *fixture) groupLevels(keyID string) (used []int64) {
	h.t.Helper()
	d, err := h.gate.Peek(h.t.Context(), gate.Request{KeyID: keyID})
	require.NoError(h.t, err)
	for l := range d.GroupLevels() {
		used = append(used, l.Used)
	}
	return used
}

// groupRecords returns what a group has used today, of requests and of the units of
// model.
func (h *fixture) groupRecords(groupID string) (used []int64) {
	h.t.Helper()
	for _, unit := range []string{"", "input", "output", "cents"} {
		days, err := h.gate.GroupUsageByDay(h.t.Context(), groupID, unit, 1)
		require.NoError(h.t, err)
		used = append(used, days[0].Used)
	}
	return used
}

// TestUnitsOfGroups is a timeline of a key with two groups above it. Each has limits in
// other units. A request is charged to all three or to none.
func TestUnitsOfGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFamily(t)
		for i, step := range []struct {
			costs  usageplan.Costs
			want   string
			key    []int64 // input, output
			groups []int64 // of team: input, output, cents; of org: requests, cents
		}{
			{usageplan.Costs{60, 40, 300}, "admitted", []int64{60, 40}, []int64{60, 40, 300, 1, 300}},
			{usageplan.Costs{41, 0, 0}, "throttled, input (input) of key", []int64{60, 40}, []int64{60, 40, 300, 1, 300}},
			{usageplan.Costs{0, 0, 201}, "quota_exceeded, cents/day (cents) of group", []int64{60, 40}, []int64{60, 40, 300, 1, 300}},
			{usageplan.Costs{0, 11, 201}, "quota_exceeded, output/day (output) of key, cents/day (cents) of group", []int64{60, 40}, []int64{60, 40, 300, 1, 300}},
			{usageplan.Costs{40, 10, 200}, "admitted", []int64{100, 50}, []int64{100, 50, 500, 2, 500}},
			{usageplan.Costs{0, 0, 201}, "quota_exceeded, cents/day (cents) of group, budget (cents) of group", []int64{100, 50}, []int64{100, 50, 500, 2, 500}},
			{usageplan.Costs{}, "admitted", []int64{100, 50}, []int64{100, 50, 500, 3, 500}},
		} {
			d := h.ask(gate.Request{KeyID: "key", Costs: step.costs})
			require.Equal(t, step.want, decision(&d.Outcome), "step %d", i)
			require.Equal(t, step.key, h.levels("key"), "step %d", i)
			require.Equal(t, step.groups, h.groupLevels("key"), "step %d", i)
		}
		for _, used := range [][]int64{h.records("key", "key", model), h.groupRecords("team"), h.groupRecords("org")} {
			require.Equal(t, []int64{3, 100, 50, 500}, used)
		}
		require.NoError(t, h.gate.SetGroupRemaining(t.Context(), "team", "cents/day", 0))
		require.Equal(t, "quota_exceeded, cents/day (cents) of group", decision(&h.ask(gate.Request{KeyID: "key", Costs: usageplan.Costs{0, 0, 1}}).Outcome))
	})
}

// TestSettleUnitsOfGroups settles and refunds a charge of a key and two groups. Each is
// corrected by its own units, above its limits if need be.
func TestSettleUnitsOfGroups(t *testing.T) {
	for name, test := range map[string]struct {
		correct func(ctx context.Context, g *gate.Gate, d *gate.Decision) error
		key     []int64
		groups  []int64
		records []int64
	}{
		"down and up":  {settleTo(usageplan.Costs{10, 45, 400}), []int64{10, 45}, []int64{10, 45, 400, 1, 400}, []int64{1, 10, 45, 400}},
		"to nothing":   {settleTo(usageplan.Costs{}), []int64{0, 0}, []int64{0, 0, 0, 1, 0}, []int64{1, 0, 0, 0}},
		"above limits": {settleTo(usageplan.Costs{120, 70, 900}), []int64{60, 70}, []int64{120, 70, 900, 1, 900}, []int64{1, 120, 70, 900}},
		"refund": {func(ctx context.Context, g *gate.Gate, d *gate.Decision) error { return g.Refund(ctx, d) },
			[]int64{0, 0}, []int64{0, 0, 0, 1, 0}, []int64{0, 0, 0, 0}}, // the token of the organisation stays spent
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFamily(t)
				d := h.ask(gate.Request{KeyID: "key", ID: "a", Costs: usageplan.Costs{60, 40, 300}})
				for range 2 {
					require.NoError(t, test.correct(t.Context(), h.gate, d))
				}
				require.Equal(t, test.key, h.levels("key"))
				require.Equal(t, test.groups, h.groupLevels("key"))
				for _, used := range [][]int64{h.records("key", "key", model), h.groupRecords("team"), h.groupRecords("org")} {
					require.Equal(t, test.records, used)
				}
				again := h.ask(gate.Request{KeyID: "key", ID: "a"})
				require.Equal(t, name != "refund", again.Repeated)
			})
		})
	}
}

func settleTo(actual usageplan.Costs) func(context.Context, *gate.Gate, *gate.Decision) error {
	return func(ctx context.Context, g *gate.Gate, d *gate.Decision) error { return g.Settle(ctx, d, actual) }
}

// TestUnitsOfGroupsFailLocally has limits of units at the groups only. While the Counter
// fails, a throttle of a group counts by its unit, and a quota of a group closes.
func TestUnitsOfGroupsFailLocally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newUnits(t, func(cfg *parts) {
			cfg.Counter = fails{cfg.Counter, func(*store.Charge) bool { return true }}
			cfg.OnFailure.Quota = gate.FailOpen
		})
		h.family(usageplan.Plan{}, usageplan.Plan{Throttles: throttlesOf("1 input/second burst 10")}, usageplan.Plan{Throttles: throttlesOf("2 output/second burst 10"), Quotas: quotasOf("1 cents/day")})
		for i, step := range []struct {
			after time.Duration
			costs usageplan.Costs
			want  gate.Reason
			retry time.Duration
		}{
			{0, usageplan.Costs{10, 4, 9}, gate.StoreFailed, 0},
			{0, usageplan.Costs{1, 6}, gate.Throttled, time.Second},
			{0, usageplan.Costs{0, 7}, gate.Throttled, 500 * time.Millisecond},
			{0, usageplan.Costs{0, 6}, gate.StoreFailed, 0},
			{time.Second, usageplan.Costs{1, 2}, gate.StoreFailed, 0},
		} {
			time.Sleep(step.after)
			d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: "key", Costs: step.costs})
			require.ErrorIs(t, err, errBroken)
			require.Equal(t, step.want.String(), d.Reason.String(), "step %d", i)
			require.Equal(t, step.retry, d.RetryAfter, "step %d", i)
		}
	})
}

// TestUnitsOfGroupsAtOnce has 100 requests at the same time. The key has room for 50 by
// one unit, and the team for 50 by another. The organisation has more.
func TestUnitsOfGroupsAtOnce(t *testing.T) {
	h := newUnits(t)
	h.family(usageplan.Plan{Quotas: quotasOf("50 input/year")}, usageplan.Plan{Quotas: quotasOf("100 output/year", "51/year")}, usageplan.Plan{Quotas: quotasOf("1000 cents/year")})
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: "key", Costs: usageplan.Costs{1, 2, 3}})
			if err != nil {
				t.Error(err)
			}
			if d.Allowed {
				admitted.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 50, admitted.Load())
	require.Equal(t, []int64{50}, h.levels("key"))
	require.Equal(t, []int64{100, 50, 150}, h.groupLevels("key"))
	for _, group := range []string{"team", "org"} {
		require.Equal(t, []int64{50, 50, 100, 150}, h.groupRecords(group))
	}
}
