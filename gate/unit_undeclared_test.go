package gate_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

var (
	tokns       = []quota.Quota{{Limit: 10, Unit: "tokns", Period: quota.Day}}
	toknsBucket = []usageplan.Throttle{{Limit: *throttle(1, 10), Unit: "tokns"}}
)

// misspelt has the ways in which a store can name a unit that the service has not
// declared. No Service writes any of them.
var misspelt = map[string]struct {
	plan  usageplan.Plan
	link  usageplan.Link
	group *usageplan.Group // of the key; or above the team of the key, which ParentID names
	fault string           // "" if another limit replaces the misspelt one
}{
	"quota of a plan":       {plan: usageplan.Plan{Quotas: tokns}, fault: "plan p: quotas[0]"},
	"throttle of a plan":    {plan: usageplan.Plan{Throttles: toknsBucket}, fault: "plan p: throttles[0]"},
	"beside an override":    {plan: usageplan.Plan{Quotas: tokns}, link: usageplan.Link{Throttle: throttle(1, 1)}, fault: "plan p: quotas[0]"},
	"quota of a link":       {link: usageplan.Link{Quotas: tokns}, fault: "plan p: quotas[0]"},
	"throttle of a link":    {link: usageplan.Link{Throttles: toknsBucket}, fault: "plan p: throttles[0]"},
	"under an override":     {plan: usageplan.Plan{Quotas: tokns}, link: usageplan.Link{Quotas: tokensPerDay(5)}},
	"plan of a group":       {plan: usageplan.Plan{Quotas: tokns}, link: usageplan.Link{Quotas: perDay(5)}, group: &usageplan.Group{PlanID: "p"}, fault: "plan p: quotas[0]"},
	"throttle of a group":   {group: &usageplan.Group{PlanID: "p", Throttles: toknsBucket}, fault: "plan p: throttles[0]"},
	"group above":           {group: &usageplan.Group{ParentID: "team", PlanID: "p", Quotas: tokns}, fault: "plan p: quotas[0]"},
	"quota of a group":      {group: &usageplan.Group{PlanID: "p", Quotas: tokns}, fault: "plan p: quotas[0]"},
	"under that of a group": {plan: usageplan.Plan{Quotas: tokns}, link: usageplan.Link{Quotas: perDay(5)}, group: &usageplan.Group{PlanID: "p", Quotas: perDay(5)}},
}

// TestUndeclaredUnit checks that a plan that names an undeclared unit admits nothing, and
// that the error says why. Once the plan is right, the next request is admitted.
func TestUndeclaredUnit(t *testing.T) {
	for name, test := range misspelt {
		for _, oneCall := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				h, ctx := newTokens(t), t.Context()
				if !oneCall {
					h, _ = newBrokenTokens(t)
				}
				h.insert(test.plan, test.link, test.group)
				ask := gate.Request{KeyID: "k", Costs: costs(1)}
				for _, decide := range []func(context.Context, gate.Request) (gate.Decision, error){h.gate.Admit, h.gate.Peek} {
					d, err := decide(ctx, ask)
					if test.fault == "" {
						require.NoError(t, err)
						require.True(t, d.Allowed)
						continue
					}
					require.ErrorContains(t, err, test.fault)
					require.ErrorContains(t, err, `"tokns": want one that is declared: requests, tokens`)
					require.Equal(t, gate.StoreFailed, d.Reason)
					require.False(t, d.Allowed)
					require.Empty(t, d.Limits())
				}
				h.mend()
				require.Equal(t, gate.Admitted, h.admit(ask).Reason)
			})
		}
	}
}

// newBrokenTokens returns a fixture over a store that answers a look-up in several calls.
func newBrokenTokens(t *testing.T, change ...func(*parts)) (*fixture, *broken) {
	st := &broken{Store: memory.New(memory.Config{})}
	h := newTokens(t, append(change, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter = st, st, st })...)
	h.st, h.keys, h.plans = st.Store, must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{Units: tokens}))
	return h, st
}

// insert writes a plan, a key, a link and a group to the store, as another program may.
func (h *fixture) insert(p usageplan.Plan, l usageplan.Link, g *usageplan.Group) {
	h.t.Helper()
	k, ctx := apikey.Key{ID: "k", Enabled: true}, h.t.Context()
	if g != nil {
		g := *g
		g.ID, k.GroupID = "g", "g"
		if team := g.ParentID; team != "" {
			g.ParentID, k.GroupID = "", team
			require.NoError(h.t, h.st.InsertGroup(ctx, usageplan.Group{ID: team, ParentID: "g"}))
		}
		require.NoError(h.t, h.st.InsertGroup(ctx, g))
	}
	_, _, err := h.keys.Create(ctx, k)
	require.NoError(h.t, err)
	p.ID = "p"
	require.NoError(h.t, h.st.InsertPlan(ctx, p))
	l.PlanID, l.KeyID, l.Allowance = "p", "k", "p"
	require.NoError(h.t, h.st.InsertLink(ctx, l))
}

// mend spells the units of what insert wrote as they are declared.
func (h *fixture) mend() {
	h.t.Helper()
	ctx := h.t.Context()
	p := must(h.st.Plan(ctx, "p"))
	p.Quotas, p.Throttles = tokensPerDay(10), nil
	require.NoError(h.t, h.st.UpdatePlan(ctx, p))
	l := must(h.st.KeyLinks(ctx, "k"))[0]
	l.Quotas, l.Throttles = nil, tokensPerSecond(1, 10)
	require.NoError(h.t, h.st.UpdateLink(ctx, l))
	if g, err := h.st.Group(ctx, "g"); err == nil {
		g.Quotas, g.Throttles = tokensPerDay(10), nil
		require.NoError(h.t, h.st.UpdateGroup(ctx, g))
	}
}

// TestUndeclaredUnitIsNoOutage asks for a key whose plan is misspelt, among keys that are
// read again and again. The log tells of the plan, not of every request, and never of an
// outage. Unknown secrets are remembered as ever.
func TestUndeclaredUnitIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h, st := newBrokenTokens(t, func(cfg *parts) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		h.insert(usageplan.Plan{Quotas: tokns}, usageplan.Link{}, nil)
		_, good, _ := h.linked(usageplan.Plan{})
		unknown := must(apikey.Format{Prefix: "acme"}.New())
		for range 100 {
			d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: "k"})
			require.Error(t, err)
			require.Equal(t, gate.StoreFailed, d.Reason)
			require.Equal(t, gate.Admitted, h.reason(good))
			require.Equal(t, gate.Unknown, h.reason(unknown))
			time.Sleep(100 * time.Millisecond)
		}
		lines := strings.Count(log.String(), "\n")
		require.Positive(t, lines)
		require.LessOrEqual(t, lines, 4, "one each time the plan is read: %s", &log)
		require.Contains(t, log.String(), "tokns")
		require.NotContains(t, log.String(), "cannot be read")
		require.LessOrEqual(t, st.read.Load(), int64(8), "each secret twice, every 5s")
	})
}
