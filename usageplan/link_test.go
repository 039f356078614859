package usageplan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestBadLinks checks that Link.Validate names every fault.
func TestBadLinks(t *testing.T) {
	for want, allowance := range map[string]string{
		"allowance: 0 bytes: want 1 to 128":   "",
		"allowance: 129 bytes: want 1 to 128": strings.Repeat("x", 129),
		`allowance: "a\xff": want UTF-8`:      "a\xff",
		`allowance: "a>b": want UTF-8`:        "a>b",
		`allowance: "a\x00": want UTF-8`:      "a\x00",
	} {
		err := (&usageplan.Link{PlanID: "p", KeyID: "k", Allowance: allowance}).Validate()
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, (&usageplan.Link{PlanID: "p", KeyID: "k", Allowance: strings.Repeat("x", 128)}).Validate())
	err := (&usageplan.Link{Allowance: "p", Throttle: throttle(-1, 1), Quotas: perDay(-1)}).Validate()
	for _, want := range []string{`planId, keyId: "", "": want both`, "throttle.rate: -1", "quotas[0].limit: -1"} {
		require.ErrorContains(t, err, want)
	}
}

// TestLinkThrottle checks that the Throttle of a link replaces the plan's for one key
// only.
func TestLinkThrottle(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	p := h.plan(usageplan.Plan{Throttle: throttle(1e-8, 1)})
	a, own := h.key("own")
	b, plain := h.key("plain")
	_, err := h.plans.AddLink(ctx, usageplan.Link{PlanID: p.ID, KeyID: a.ID, Throttle: throttle(1e-8, 3)})
	require.NoError(t, err)
	require.NoError(t, h.plans.Link(ctx, p.ID, b.ID))
	for range 3 {
		require.Equal(t, gate.Admitted, h.reason(own))
	}
	require.Equal(t, gate.Throttled, h.reason(own))
	require.Equal(t, gate.Admitted, h.reason(plain))
	require.Equal(t, gate.Throttled, h.reason(plain))
}

// TestLinkThrottles checks that the Throttles of a link replace the plan's for one key
// only, and that there are none if they are empty.
func TestLinkThrottles(t *testing.T) {
	h := newFixture(t, withUnits)
	p := h.plan(usageplan.Plan{Throttles: tokensAYear(10), Quotas: []quota.Quota{{Limit: 100, Unit: "tokens", Period: quota.Year}}})
	for name, c := range map[string]struct {
		throttles []usageplan.Throttle
		quotas    []quota.Quota
		most      int64 // that one request can use
	}{
		"those of the plan": {nil, nil, 10},
		"more":              {tokensAYear(30), nil, 30},
		"none":              {[]usageplan.Throttle{}, nil, 100},
		"no quota":          {nil, []quota.Quota{}, 10},
		"nothing":           {[]usageplan.Throttle{}, []quota.Quota{}, 1 << 52},
	} {
		k, secret := h.key(name)
		_, err := h.plans.AddLink(t.Context(), usageplan.Link{PlanID: p.ID, KeyID: k.ID, Throttles: c.throttles, Quotas: c.quotas})
		require.NoError(t, err)
		if name != "nothing" {
			require.False(t, h.admit(gate.Request{Secret: secret, Costs: usageplan.Costs{c.most + 1}}).Allowed, name)
		}
		require.True(t, h.admit(gate.Request{Secret: secret, Costs: usageplan.Costs{c.most}}).Allowed, name)
		require.True(t, h.admit(gate.Request{Secret: secret}).Allowed, "%s: requests are not limited", name)
	}
}

// tokensAYear returns a throttle of tokens that gains none in the time of a test.
func tokensAYear(burst int) []usageplan.Throttle {
	return []usageplan.Throttle{{Limit: limiter.Limit{Rate: 1e-8, Burst: burst}, Unit: "tokens"}}
}

// TestMoveAndLinkAgain moves a key to another plan and links it to the first plan again.
// The links must count under different subjects.
func TestMoveAndLinkAgain(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	on := func(stage string) usageplan.Plan {
		return h.plan(usageplan.Plan{Quotas: perDay(10), Stages: []usageplan.Stage{{API: "pets", Name: stage}}})
	}
	a, b, c := on("prod"), on("beta"), on("test")
	k, secret := h.key("key")
	require.NoError(t, h.plans.Link(ctx, a.ID, k.ID))
	require.NoError(t, h.plans.Move(ctx, k.ID, a.ID, b.ID))
	require.NoError(t, h.plans.Link(ctx, a.ID, k.ID))
	require.NoError(t, h.plans.Move(ctx, k.ID, a.ID, c.ID))
	require.NoError(t, h.plans.Link(ctx, a.ID, k.ID))
	links, err := h.plans.KeyLinks(ctx, k.ID)
	require.NoError(t, err)
	for i, want := range []string{"", "/2", "/3"} {
		require.Equal(t, a.ID+want, links[i].Allowance)
	}
	for stage, n := range map[string]int64{"prod": 1, "beta": 2, "test": 3} {
		for range n {
			h.admit(gate.Request{Secret: secret, API: "pets", Stage: stage})
		}
	}
	for id, n := range map[string]int64{a.ID: 1, b.ID: 2, c.ID: 3} {
		days, err := h.gate.UsageByDay(ctx, id, k.ID, "", 1)
		require.NoError(t, err)
		require.Equal(t, n, days[0].Used)
	}
	require.NoError(t, h.plans.Unlink(ctx, a.ID, k.ID))
	l, err := h.plans.AddLink(ctx, usageplan.Link{PlanID: a.ID, KeyID: k.ID})
	require.NoError(t, err)
	require.Equal(t, a.ID+"/3", l.Allowance, "the same one, so what was used still counts")
}
