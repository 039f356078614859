package gate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// reachedLog is an Observer that notes what has reached its thresholds. The default is 50
// and 100 percent.
type reachedLog struct{ lines []string }

func (l *reachedLog) Decided(_ context.Context, d gate.Decided) { l.note(&d.Outcome, "") }

func (l *reachedLog) Corrected(_ context.Context, c gate.Corrected) { l.note(&c.Outcome, "settled ") }

func (l *reachedLog) note(o *gate.Outcome, what string) {
	for r := range o.Reached([]int{50, 100}) {
		passed := 0
		for _, t := range r.Thresholds {
			if r.AtLeast(t) {
				passed = t
			}
		}
		l.lines = append(l.lines, fmt.Sprintf("%s%v %s %d/%d +%d %d%% of %v", what, r.Payer.Kind, r.Name, r.Used, r.Max, r.Charged, passed, r.Thresholds))
	}
}

// take returns the lines since the last call.
func (l *reachedLog) take() string {
	defer func() { l.lines = nil }()
	return strings.Join(l.lines, "; ")
}

// TestReached spends quotas, and checks what is told after each request.
func TestReached(t *testing.T) {
	type step struct {
		cost int64
		want string
	}
	both := quotasOf("10/day", "100 tokens/day")
	for name, c := range map[string]struct {
		plan  usageplan.Plan
		own   []int // alerts of the link
		steps []step
	}{
		"the default": {usageplan.Plan{Quotas: tokensPerDay(10)}, nil, []step{
			{4, ""}, {1, "key day 5/10 +1 50% of [50 100]"}, {6, "key day 5/10 +0 50% of [50 100]"}, {5, "key day 10/10 +5 100% of [50 100]"},
			{1, "key day 10/10 +0 100% of [50 100]"},
		}},
		"the plan's": {usageplan.Plan{Quotas: tokensPerDay(10), Alerts: []int{60}}, nil, []step{{5, ""}, {1, "key day 6/10 +1 60% of [60]"}}},
		"the link's": {usageplan.Plan{Quotas: tokensPerDay(10), Alerts: []int{60}}, []int{70, 90}, []step{
			{6, ""}, {1, "key day 7/10 +1 70% of [70 90]"}, {2, "key day 9/10 +2 90% of [70 90]"},
		}},
		"none of the plan": {usageplan.Plan{Quotas: tokensPerDay(10), Alerts: []int{}}, nil, []step{{10, ""}}},
		"none of the link": {usageplan.Plan{Quotas: tokensPerDay(10), Alerts: []int{60}}, []int{}, []step{{10, ""}}},
		"two quotas": {usageplan.Plan{Quotas: both}, nil, []step{
			{60, "key tokens/day 60/100 +60 50% of [50 100]"}, {0, "key tokens/day 60/100 +0 50% of [50 100]"},
		}},
		"requests, by the fast path of the store": {usageplan.Plan{Throttle: throttle(1, 9), Quotas: quotasOf("4/day", "8/month")}, nil, []step{
			{0, ""}, {0, "key day 2/4 +1 50% of [50 100]"}, {0, "key day 3/4 +1 50% of [50 100]"},
			{0, "key day 4/4 +1 100% of [50 100]; key month 4/8 +1 50% of [50 100]"}, {0, "key day 4/4 +0 100% of [50 100]; key month 4/8 +0 50% of [50 100]"},
		}},
		"soft, above the limit": {usageplan.Plan{Quotas: quotasOf("10 tokens/day soft"), Alerts: []int{100, 150, 1000}}, nil, []step{
			{14, "key tokens/day 14/10 +14 100% of [100 150 1000]"}, {1, "key tokens/day 15/10 +1 150% of [100 150 1000]"},
			{85, "key tokens/day 100/10 +85 1000% of [100 150 1000]"},
		}},
		"a limit of zero":       {usageplan.Plan{Quotas: tokensPerDay(0)}, nil, []step{{1, ""}}},
		"throttles have none":   {usageplan.Plan{Throttle: throttle(1, 1), Throttles: tokensPerSecond(1, 10)}, nil, []step{{10, ""}, {1, ""}}},
		"the largest allowance": {usageplan.Plan{Quotas: tokensPerDay(1<<53 - 2), Alerts: []int{1000}}, nil, []step{{1<<53 - 2, ""}}},
		"the limits of a class": {usageplan.Plan{For: map[string]usageplan.Limits{"opus": {Quotas: tokensPerDay(10)}}}, nil, []step{{5, "key opus day 5/10 +5 50% of [50 100]"}}},
	} {
		t.Run(name, func(t *testing.T) {
			l := new(reachedLog)
			h := newTokens(t, func(cfg *parts) { cfg.Observer = l })
			k, secret := h.key("k")
			p := h.plan(c.plan)
			_, err := h.plans.AddLink(t.Context(), usageplan.Link{PlanID: p.ID, KeyID: k.ID, Alerts: c.own})
			require.NoError(t, err)
			for i, s := range c.steps {
				h.admit(gate.Request{Secret: secret, Costs: costs(s.cost), Class: "opus"})
				require.Equal(t, s.want, l.take(), "step %d", i)
			}
		})
	}
}

// TestReachedByGroups spends the quotas of a key, its team and its organisation.
func TestReachedByGroups(t *testing.T) {
	l := new(reachedLog)
	h := newTokenTree(t, func(cfg *parts) { cfg.Observer = l })
	h.days(map[string]int64{"ten": 10, "twenty": 20})
	h.plan(usageplan.Plan{ID: "thirty", Quotas: tokensPerDay(30), Alerts: []int{20}})
	h.group("acme thirty")
	h.group("acme>team twenty")
	secret := h.member("k", "team", "ten")
	for i, s := range []struct {
		cost int64
		want string
	}{
		{4, ""},
		{2, "key day 6/10 +2 50% of [50 100]; group day 6/30 +2 20% of [20]"},
		{4, "key day 10/10 +4 100% of [50 100]; group day 10/20 +4 50% of [50 100]; group day 10/30 +4 20% of [20]"},
		{1, "key day 10/10 +0 100% of [50 100]; group day 10/20 +0 50% of [50 100]; group day 10/30 +0 20% of [20]"},
	} {
		d := h.admit(gate.Request{Secret: secret, Costs: costs(s.cost)})
		require.Equal(t, s.want, l.take(), "step %d", i)
		for r := range d.Reached([]int{1}) {
			require.Equal(t, map[int64]string{10: "ten", 20: "twenty", 30: "thirty"}[r.Max], r.Plan.ID)
			require.Equal(t, map[int64]string{10: "@acme>k/ten", 20: "@acme>@team", 30: "@acme"}[r.Max], r.Subject)
			if r.Max == 20 {
				break // the sequence can be left
			}
		}
	}
	d := h.admit(gate.Request{Secret: secret, Costs: costs(0)})
	l.take()
	require.NoError(t, h.gate.Settle(t.Context(), &d, costs(10)))
	require.Equal(t, "settled key day 20/10 +0 100% of [50 100]; settled group day 20/20 +0 100% of [50 100]; settled group day 20/30 +0 20% of [20]", l.take())
	for level := range d.GroupLevels() {
		require.EqualValues(t, 10, level.Used, "the Decision stays as it was")
	}
}

// TestReachedBySettling checks that the Observer learns what is used after a correction,
// also by others since the decision.
func TestReachedBySettling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(reachedLog)
		h := newTokens(t, func(cfg *parts) { cfg.Observer = l })
		_, secret, _ := h.linked(usageplan.Plan{Quotas: append(tokensPerDay(100), quota.MustParse("10/month")), Throttles: tokensPerSecond(1, 200)})
		first := h.admit(gate.Request{Secret: secret, Costs: costs(10)})
		second := h.admit(gate.Request{Secret: secret, Costs: costs(30)})
		require.Empty(t, l.take())
		require.NoError(t, h.gate.Settle(t.Context(), &first, costs(20)))
		require.Equal(t, "settled key day 50/100 +10 50% of [50 100]", l.take())
		require.EqualValues(t, 10, first.Level(1).Used, "the Decision stays as it was")
		require.NoError(t, h.gate.Settle(t.Context(), &second, costs(1)))
		require.Empty(t, l.take(), "21 are used")
		third := h.admit(gate.Request{Secret: secret, Costs: costs(79)})
		require.Equal(t, "key day 100/100 +79 100% of [50 100]", l.take())
		require.NoError(t, h.gate.Refund(t.Context(), &third))
		require.Empty(t, l.take())

		late := h.admit(gate.Request{Secret: secret, Costs: costs(1)})
		time.Sleep(25 * time.Hour)
		h.spend(secret, 1)
		require.NoError(t, h.gate.Settle(t.Context(), &late, costs(70)))
		require.Equal(t, "settled key day 91/100 +1 50% of [50 100]", l.take(), "of the window that was charged")
	})
}

// TestReachedInAnOutage checks that nothing is said of levels that are not known.
func TestReachedInAnOutage(t *testing.T) {
	h := newTokens(t)
	_, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(10)})
	require.Equal(t, gate.Admitted, h.spend(secret, 10))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, req := range []gate.Request{{Secret: secret}, {Secret: "unknown"}} {
		d, _ := h.gate.Admit(ctx, req)
		for r := range d.Reached([]int{1}) {
			t.Error(r)
		}
	}
}

// TestReachedAllocatesNothing checks both paths, below a threshold and above it.
func TestReachedAllocatesNothing(t *testing.T) {
	h := newTokens(t)
	_, secret, _ := h.linked(usageplan.Plan{Quotas: quotasOf("4/day", "100 tokens/day")})
	for _, cost := range []int64{0, 60} {
		d := h.admit(gate.Request{Secret: secret, Costs: costs(cost)})
		var sum int64
		for _, thresholds := range [][]int{{1}, {900}} {
			require.Zero(t, testing.AllocsPerRun(100, func() {
				for r := range d.Reached(thresholds) {
					sum += r.Used
				}
			}))
		}
		require.NotZero(t, sum)
	}
}
