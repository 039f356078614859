package gate_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestReportsOfUnits reads three days of usage of each unit: of a key, of all keys of a
// plan, and of a group.
func TestReportsOfUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newFamily(t), t.Context()
		other, _ := h.key("other")
		require.NoError(t, h.plans.Link(ctx, "key", other.ID))
		for _, c := range []usageplan.Costs{{5, 6, 7}, {0, 1, 2}, {1, 0, 3}} {
			require.True(t, h.ask(gate.Request{KeyID: "key", Costs: c}).Allowed)
			time.Sleep(24 * time.Hour)
		}
		require.True(t, h.ask(gate.Request{KeyID: other.ID, Costs: usageplan.Costs{0, 9}}).Allowed)
		for unit, want := range map[string][]int64{
			"": {1, 1, 1, 0}, "requests": {1, 1, 1, 0}, "input": {5, 0, 1, 0}, "output": {6, 1, 0, 0}, "cents": {7, 2, 3, 0},
		} {
			require.Equal(t, want, used(must(h.gate.UsageByDay(ctx, "key", "key", unit, 4))), unit)
			require.Equal(t, want, used(must(h.gate.GroupUsageByDay(ctx, "team", unit, 4))), unit)
			report := map[string][]int64{}
			for u, err := range h.gate.PlanUsage(ctx, "key", unit, 4) {
				require.NoError(t, err)
				report[u.KeyID] = used(u.Days)
			}
			others := map[string][]int64{"": {0, 0, 0, 1}, "requests": {0, 0, 0, 1}, "output": {0, 0, 0, 9}}[unit]
			if others == nil {
				others = []int64{0, 0, 0, 0}
			}
			require.Equal(t, map[string][]int64{"key": want, other.ID: others}, report, unit)
		}
		require.Equal(t, []int64{6, 1, 0, 0}, used(must(h.gate.UsageByWindow(ctx, "key", "key", "output/day", 4))))
		require.Equal(t, []int64{12}, used(must(h.gate.GroupUsageByWindow(ctx, "org", "budget", 1))))
	})
}

// TestReportsOfUndeclaredUnits asks for the usage of a unit that is not declared. The
// error names all faults at once.
func TestReportsOfUndeclaredUnits(t *testing.T) {
	h, ctx := newFamily(t), t.Context()
	report := func(unit string, days int) []error {
		var all error
		for _, err := range h.gate.PlanUsage(ctx, "key", unit, days) {
			all = err
		}
		return []error{
			second(h.gate.UsageByDay(ctx, "key", "key", unit, days)),
			second(h.gate.GroupUsageByDay(ctx, "team", unit, days)), all,
		}
	}
	for _, unit := range []string{"tokns", "use", "use input", "Input", "input/day"} {
		for _, err := range report(unit, 0) {
			require.ErrorIs(t, err, gate.ErrInvalid)
			require.ErrorContains(t, err, "gate: invalid report: days: 0: want 1 to 366\n")
			require.ErrorContains(t, err, `"`+unit+`": want one that is declared: requests, input, output, cents`)
		}
	}
	for _, err := range report("input", 1) {
		require.NoError(t, err)
	}
}

// TestSetRemainingOfUnits extends and cuts quotas of units. Each counts for its own unit
// and its own window.
func TestSetRemainingOfUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newUnits(t), t.Context()
		k, secret, p := h.linked(usageplan.Plan{Quotas: quotasOf("10 input/day", "10 output/day as out", "10/day")})
		ask := func(input, output int64) string {
			return decision(&h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{input, output}}).Outcome)
		}
		require.Equal(t, "admitted", ask(10, 10))
		require.NoError(t, h.gate.SetRemaining(ctx, p.ID, k.ID, "input/day", 5))
		require.Equal(t, "quota_exceeded, out (output) of key", ask(5, 1))
		require.Equal(t, "admitted", ask(5, 0))
		require.Equal(t, "quota_exceeded, input/day (input) of key", ask(1, 0))
		require.NoError(t, h.gate.SetRemaining(ctx, p.ID, k.ID, "day", 0))
		require.Equal(t, "quota_exceeded, day (requests) of key", ask(0, 0))
		require.Equal(t, []int64{2, 15, 10, 0}, h.records(p.ID, k.ID, model))
		time.Sleep(24 * time.Hour)
		require.Equal(t, "never_fits, input/day (input) of key", ask(11, 0))
		for _, name := range []string{"input", "output/day", "tpm"} {
			require.ErrorIs(t, h.gate.SetRemaining(ctx, p.ID, k.ID, name, 1), usageplan.ErrNotFound, name)
		}
	})
}

// TestUnitsAreCopied changes the Units of a Config after New. The Gate keeps those that
// it was given.
func TestUnitsAreCopied(t *testing.T) {
	units := slices.Clone(model)
	h := newFixture(t, func(cfg *parts) { cfg.Units = units })
	k, secret, p := h.linked(usageplan.Plan{Quotas: []quota.Quota{{Limit: 10, Unit: "input", Period: quota.Day}}})
	units[0].Name, units[1].Required = "tokns", true
	require.Equal(t, "admitted", decision(&h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{1}}).Outcome))
	require.Equal(t, []int64{1, 1, 0, 0}, h.records(p.ID, k.ID, model))
}

// TestBadUnits gives New units that break a rule.
func TestBadUnits(t *testing.T) {
	h := newFixture(t)
	for fault, units := range map[string]usageplan.Units{
		"units[0].name: \"Input\": want":     {{Name: "Input"}},
		"units[1].name: \"a\": listed twice": {{Name: "a"}, {Name: "a"}},
		"units[0].name: \"requests\": want":  {{Name: "requests"}},
		"want at most 4":                     {{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}},
	} {
		_, err := gate.New(h.st, h.st, h.st, gate.Config{Units: units, MaxAge: -1})
		require.ErrorIs(t, err, gate.ErrInvalid)
		require.ErrorContains(t, err, fault)
		require.ErrorContains(t, err, "maxAge: -1")
	}
}

// TestObserverOfUnits checks that the Observer is told what was charged.
func TestObserverOfUnits(t *testing.T) {
	var seen []usageplan.Costs
	h := newUnits(t, func(cfg *parts) { cfg.Observer = observer(func(o gate.Outcome) { seen = append(seen, o.Costs) }) })
	_, secret, _ := h.linked(usageplan.Plan{Quotas: quotasOf("3 input/day")})
	h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{3, 2, 1}})
	h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{1}})
	require.Equal(t, []usageplan.Costs{{}, {3, 2, 1}, {}, {}}, seen)
}

type observer func(gate.Outcome)

func (f observer) Decided(_ context.Context, d gate.Decided) { f(d.Outcome) }
func (f observer) Corrected(context.Context, gate.Corrected) {}
