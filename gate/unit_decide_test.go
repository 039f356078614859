package gate_test

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestUnits is a timeline of a key whose plan has throttles and quotas in four units. A
// request is charged to all of them or to none, and a refusal names each limit that
// refused. The bubble begins at midnight.
func TestUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newUnits(t)
		k, secret, p := h.linked(usageplan.Plan{
			Throttle:  throttle(1, 5),
			Throttles: throttlesOf("60 input/minute burst 100", "1200/hour burst 10 as hourly"),
			Quotas:    quotasOf("300 input/day", "50 output/hour as answers", "1000 cents/month", "12/day"),
		})
		const day = 24 * time.Hour
		for i, step := range []struct {
			after time.Duration
			costs usageplan.Costs
			want  string
			retry time.Duration
			used  []int64 // of the limits in the order of the plan
		}{
			{0, usageplan.Costs{80, 20, 300}, "admitted", 0, []int64{1, 80, 1, 80, 20, 300, 1}},
			{0, usageplan.Costs{21, 1, 1}, "throttled, input (input) of key", time.Second, []int64{1, 80, 1, 80, 20, 300, 1}},
			{0, usageplan.Costs{101, 1, 1}, "never_fits, input (input) of key", store.Never, []int64{1, 80, 1, 80, 20, 300, 1}},
			{time.Second, usageplan.Costs{21, 1, 1}, "admitted", 0, []int64{1, 100, 2, 101, 21, 301, 2}},
			{time.Minute, usageplan.Costs{0, 30, 0}, "quota_exceeded, answers (output) of key", time.Hour - 61*time.Second, []int64{0, 40, 0, 101, 21, 301, 2}},
			{0, usageplan.Costs{61, 30, 700}, "quota_exceeded, input (input) of key, answers (output) of key, cents/month (cents) of key", 31*day - 61*time.Second, []int64{0, 40, 0, 101, 21, 301, 2}},
			{0, usageplan.Costs{60, 29, 699}, "admitted", 0, []int64{1, 100, 1, 161, 50, 1000, 3}},
			{0, usageplan.Costs{}, "admitted", 0, []int64{2, 100, 2, 161, 50, 1000, 4}}, // it needs nothing of what is used up
			{0, usageplan.Costs{0, 0, 1}, "quota_exceeded, cents/month (cents) of key", 31*day - 61*time.Second, []int64{2, 100, 2, 161, 50, 1000, 4}},
			{time.Hour, usageplan.Costs{90, 50, 0}, "admitted", 0, []int64{1, 90, 1, 251, 50, 1000, 5}},
			{day, usageplan.Costs{100, 1, 0}, "admitted", 0, []int64{1, 100, 1, 100, 1, 1000, 1}},
		} {
			time.Sleep(step.after)
			d := h.ask(gate.Request{Secret: secret, Costs: step.costs})
			require.Equal(t, step.want, decision(&d.Outcome), "step %d", i)
			require.Equal(t, step.retry, d.RetryAfter, "step %d", i)
			require.Equal(t, step.used, h.levels(k.ID), "step %d", i)
		}
		require.Equal(t, []int64{1, 100, 1, 0}, h.records(p.ID, k.ID, model))
		days := must(h.gate.UsageByDay(t.Context(), p.ID, k.ID, "input", 2))
		require.Equal(t, []int64{251, 100}, used(days))
	})
}

// TestUnitsOfLimits checks the names and the units of Limits, and of the error of a
// refusal.
func TestUnitsOfLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newUnits(t)
		k, secret, _ := h.linked(usageplan.Plan{
			Throttle:  throttle(1, 5),
			Throttles: throttlesOf("1 input/second burst 2 as tpm", "1 output/second burst 2", "9/hour"),
			Quotas:    quotasOf("2 input/day", "3 cents/day as money", "9/day"),
		})
		d := h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{2, 2, 3}})
		var names []string
		for _, l := range d.Limits() {
			names = append(names, l.Name+" "+l.Unit)
		}
		require.Equal(t, []string{
			"throttle requests", "tpm input", "output output", "requests requests", "input/day input", "money cents", "day requests",
		}, names)

		d = h.ask(gate.Request{Secret: secret, Costs: usageplan.Costs{1, 1, 1}})
		key := gate.Payer{Kind: gate.PayerKey, ID: k.ID}
		require.Equal(t, &gate.LimitError{Reason: gate.QuotaExceeded, RetryAfter: 24 * time.Hour, Limits: []gate.RefusedLimit{
			{key, "tpm", "input", time.Second}, {key, "output", "output", time.Second},
			{key, "input/day", "input", 24 * time.Hour}, {key, "money", "cents", 24 * time.Hour},
		}}, d.Err())
		require.EqualError(t, d.Err(), strings.ReplaceAll(
			"gate: refused: quota_exceeded: tpm (input) of KEY, output of KEY, input/day of KEY, money (cents) of KEY: retry after 24h0m0s", "KEY", key.String()))
	})
}

// TestCostsAreInvalid charges costs that break a rule. The error names all faults at
// once, and nothing is charged to anybody.
func TestCostsAreInvalid(t *testing.T) {
	h := newFixture(t, func(cfg *parts) {
		cfg.Units = usageplan.Units{{Name: "input", Required: true}, {Name: "output"}}
		cfg.OnFailure = gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}
	})
	k, secret, p := h.linked(usageplan.Plan{Throttles: throttlesOf("10 input/second"), Quotas: quotasOf("10 output/day")})
	const most = store.MaxUnits
	for _, test := range []struct {
		costs  usageplan.Costs
		faults []string
		peek   bool // Peek is valid
	}{
		{usageplan.Costs{0, 1}, []string{"costs[0] (input): 0: want"}, true},
		{usageplan.Costs{}, []string{"costs[0] (input): 0: want"}, true},
		{usageplan.Costs{-1, 1}, []string{"costs[0] (input): -1: want 0 to 2^53-1"}, false},
		{usageplan.Costs{1, most + 1}, []string{"costs[1] (output): 9007199254740992: want"}, false},
		{usageplan.Costs{math.MinInt64, math.MaxInt64}, []string{"costs[0] (input): -9223372036854775808:", "costs[1] (output): 9223372036854775807:"}, false},
		{usageplan.Costs{1, 0, 1}, []string{"costs[2]: 1: want 0"}, false},
		{usageplan.Costs{0, -2, 3, -4}, []string{"costs[0] (input): 0:", "costs[1] (output): -2:", "costs[2]: 3:", "costs[3]: -4:"}, false},
	} {
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret, Costs: test.costs, ID: strings.Repeat("x", gate.MaxID+1)})
		require.ErrorIs(t, err, gate.ErrInvalid)
		for _, fault := range append(test.faults, "id: 513 bytes") {
			require.ErrorContains(t, err, fault)
		}
		require.Equal(t, len(test.faults)+1, strings.Count(err.Error(), "\n")+1, "%v", err)
		require.Equal(t, gate.Invalid, d.Reason)
		require.False(t, d.Allowed || d.Charged)

		_, err = h.gate.Peek(t.Context(), gate.Request{Secret: secret, Costs: test.costs})
		require.Equal(t, test.peek, err == nil, "%v: %v", test.costs, err)
	}
	require.Equal(t, []int64{0, 0, 0}, h.records(p.ID, k.ID, usageplan.Units{{Name: "input"}, {Name: "output"}}))
	require.Equal(t, []int64{0, 0}, h.levels(k.ID))
}

// TestUnitsCountExactly charges a unit up to the greatest number that can be counted, and
// one more.
func TestUnitsCountExactly(t *testing.T) {
	h := newUnits(t)
	k, secret, p := h.linked(usageplan.Plan{})
	for _, step := range []struct {
		costs usageplan.Costs
		want  string
	}{
		{usageplan.Costs{store.MaxUnits - 1, 1, 0}, "admitted"},
		{usageplan.Costs{2, 1, 0}, "never_fits"}, // no limit refuses, but the record is full
		{usageplan.Costs{1, 1, 0}, "admitted"},
		{usageplan.Costs{1, 0, 0}, "never_fits"},
		{usageplan.Costs{0, 1, 0}, "admitted"},
	} {
		d := h.ask(gate.Request{Secret: secret, Costs: step.costs})
		require.Equal(t, step.want, decision(&d.Outcome), "%v", step.costs)
	}
	require.Equal(t, []int64{3, store.MaxUnits, 3, 0}, h.records(p.ID, k.ID, model))
}

// TestUnitsAndIDs tries a request with costs twice. It is charged once, in every unit.
func TestUnitsAndIDs(t *testing.T) {
	h := newUnits(t)
	k, secret, p := h.linked(usageplan.Plan{Throttles: throttlesOf("0.001 input/second burst 10"), Quotas: quotasOf("10 cents/day")})
	req := gate.Request{Secret: secret, ID: "a", Costs: usageplan.Costs{10, 3, 10}}
	first := h.ask(req)
	require.True(t, first.Charged)
	again := h.ask(req) // nothing is left of the limits
	require.True(t, again.Repeated)
	require.NoError(t, again.Err())
	for l := range again.Levels() {
		require.Zero(t, l.Wait)
	}
	require.NoError(t, h.gate.Settle(t.Context(), again, usageplan.Costs{}), "it has nothing to correct")
	require.Equal(t, []int64{1, 10, 3, 10}, h.records(p.ID, k.ID, model))

	require.NoError(t, h.gate.Refund(t.Context(), first))
	require.Equal(t, []int64{0, 0, 0, 0}, h.records(p.ID, k.ID, model))
	require.False(t, h.ask(req).Repeated, "a refund releases the ID")
	require.Equal(t, []int64{1, 10, 3, 10}, h.records(p.ID, k.ID, model))
}
