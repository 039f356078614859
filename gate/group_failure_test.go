package gate_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestGroupsFail decides while the Counter fails: by the strictest answer of the limits
// of the key, of its team and of the organisation.
func TestGroupsFail(t *testing.T) {
	none := usageplan.Plan{}
	slow, daily := usageplan.Plan{Throttle: throttle(0.1, 2)}, usageplan.Plan{Quotas: perDay(9)}
	for name, c := range map[string]struct {
		policy         gate.FailurePolicy
		key, team, org usageplan.Plan
		change         func(*usageplan.Group) // of the organisation
		want           []bool                 // of one request after the other
	}{
		"only a throttle of the key":                {gate.FailurePolicy{}, slow, none, none, nil, []bool{true, true, false}},
		"a quota of the organisation closes":        {gate.FailurePolicy{}, slow, none, daily, nil, []bool{false, false, false}},
		"a quota of the team closes":                {gate.FailurePolicy{}, slow, daily, none, nil, []bool{false, false, false}},
		"a quota of the key closes":                 {gate.FailurePolicy{}, daily, slow, slow, nil, []bool{false, false, false}},
		"only a throttle of the organisation":       {gate.FailurePolicy{}, none, none, slow, nil, []bool{true, true, false}},
		"no limits":                                 {gate.FailurePolicy{}, none, none, none, nil, []bool{true, true, true}},
		"open quotas, throttle of the key":          {gate.FailurePolicy{Quota: gate.FailOpen}, slow, daily, daily, nil, []bool{true, true, false}},
		"open quotas, throttle of the team":         {gate.FailurePolicy{Quota: gate.FailOpen}, daily, slow, daily, nil, []bool{true, true, false}},
		"open quotas only":                          {gate.FailurePolicy{Quota: gate.FailOpen}, daily, none, daily, nil, []bool{true, true, true}},
		"open throttles, a quota of the key":        {gate.FailurePolicy{Throttle: gate.FailOpen}, daily, slow, slow, nil, []bool{false, false, false}},
		"open throttles, a quota of a group":        {gate.FailurePolicy{Throttle: gate.FailOpen}, slow, slow, daily, nil, []bool{false, false, false}},
		"open throttles only":                       {gate.FailurePolicy{Throttle: gate.FailOpen}, slow, slow, slow, nil, []bool{true, true, true}},
		"all open":                                  {gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}, slow, daily, daily, nil, []bool{true, true, true}},
		"closed throttles, one of a group":          {gate.FailurePolicy{Throttle: gate.FailClosed, Quota: gate.FailOpen}, daily, none, slow, nil, []bool{false, false, false}},
		"closed throttles, and none":                {gate.FailurePolicy{Throttle: gate.FailClosed, Quota: gate.FailOpen}, daily, none, daily, nil, []bool{true, true, true}},
		"closed quotas":                             {gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailClosed}, none, none, daily, nil, []bool{false, false, false}},
		"a plan for another stage has no say":       {gate.FailurePolicy{}, slow, none, usageplan.Plan{Quotas: perDay(9), Stages: []usageplan.Stage{{API: "a", Name: "b"}}}, nil, []bool{true, true, false}},
		"no quotas, by the organisation's override": {gate.FailurePolicy{}, slow, none, daily, func(g *usageplan.Group) { g.Quotas = []quota.Quota{} }, []bool{true, true, false}},
		"a throttle of the organisation's override": {gate.FailurePolicy{}, slow, none, slow, func(g *usageplan.Group) { g.Throttle = throttle(0.1, 1) }, []bool{true, false, false}},
		"an unlimited throttle has no say": {gate.FailurePolicy{Throttle: gate.FailClosed}, none, none, slow, func(g *usageplan.Group) {
			g.Throttle = &limiter.Limit{Rate: rate.Inf}
		}, []bool{true, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := &broken{Store: memory.New(memory.Config{})}
				h := treeOver(t, st.Store, func(cfg *parts) { cfg.Counter, cfg.OnFailure = st, c.policy })
				for id, p := range map[string]usageplan.Plan{"key": c.key, "team": c.team, "org": c.org} {
					p.ID = id
					h.plan(p)
				}
				h.group("acme org")
				h.group("acme>search team")
				h.member("k", "search", "key")
				if c.change != nil {
					h.update("acme", c.change)
				}
				st.takes.Store(true)
				for i, want := range c.want {
					for _, ask := range []string{"peek", "admit"} {
						decide := h.gate.Admit
						if ask == "peek" {
							decide = h.gate.Peek
						}
						d, err := decide(t.Context(), gate.Request{KeyID: "k"})
						require.ErrorIs(t, err, errBroken)
						require.Equal(t, want, d.Allowed, "%s %d", ask, i)
						require.Zero(t, d.Costs)
						require.NoError(t, h.gate.Settle(t.Context(), &d, costs(7)), "nothing was charged")
					}
				}
				st.takes.Store(false)
				require.Equal(t, []int64{0, 0}, h.today("acme", "search"))
				h.want(gate.Admitted, "k")
			})
		})
	}
}

// TestGroupsFailLocally is a timeline of two teams of an organisation without a Counter.
// The buckets in the process hold every throttle of every payer exactly, and a request
// that one of them refuses takes nothing from the others. A refusal names the payer.
func TestGroupsFailLocally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &broken{Store: memory.New(memory.Config{})}
		h := treeOver(t, st.Store, func(cfg *parts) {
			cfg.Counter = st
			cfg.Account = throttle(0.001, 9)
		})
		h.plan(usageplan.Plan{ID: "key", Throttle: throttle(0.1, 2)})
		h.plan(usageplan.Plan{ID: "team", Throttle: throttle(0.05, 3), Routes: map[string]limiter.Limit{"GET /heavy": {Rate: 0.01, Burst: 1}}})
		h.plan(usageplan.Plan{ID: "org", Throttles: tokensPerSecond(0.02, 10)})
		for _, g := range []string{"acme org", "acme>search team", "acme>help team"} {
			h.group(g)
		}
		h.member("a", "search", "key")
		h.member("b", "search", "key")
		h.member("c", "help")
		st.takes.Store(true)
		for i, step := range []struct {
			after      time.Duration
			key, route string
			cost       int64
			want       string
			wait       time.Duration
		}{
			{0, "a", "", 1, "store_failed", 0},
			{0, "a", "", 1, "store_failed", 0},
			{0, "a", "", 1, "throttled, key a throttle", 10 * time.Second},
			{0, "b", "", 1, "store_failed", 0},
			{0, "b", "", 1, "throttled, group search throttle", 20 * time.Second},
			{0, "b", "GET /heavy", 1, "store_failed", 0}, // it has a bucket of its own
			{0, "c", "GET /heavy", 7, "throttled, group acme tokens", 50 * time.Second},
			{0, "c", "", 11, "never_fits, group acme tokens", 1<<63 - 1},
			{0, "c", "GET /heavy", 6, "store_failed", 0},
			{0, "c", "GET /heavy", 1, "throttled, group help throttle GET /heavy", 100 * time.Second},
			{100 * time.Second, "c", "", 2, "store_failed", 0},
			{0, "a", "", 1, "throttled, group acme tokens", 50 * time.Second},
			{900 * time.Second, "a", "", 1, "store_failed", 0},
			{0, "c", "", 1, "store_failed", 0},
			{0, "b", "", 1, "store_failed", 0},
			{0, "b", "", 1, "store_failed", 0},
			{0, "b", "", 1, "throttled, account throttle", 1000 * time.Second}, // the longest wait of four
		} {
			time.Sleep(step.after)
			for _, decide := range []string{"peek", "admit"} {
				ask := h.gate.Admit
				if decide == "peek" {
					ask = h.gate.Peek
				}
				d, err := ask(t.Context(), gate.Request{KeyID: step.key, Route: step.route, Costs: costs(step.cost)})
				require.ErrorIs(t, err, errBroken)
				require.Equal(t, step.want, outcome(&d.Outcome), "step %d, %s", i, decide)
				if step.wait != 0 {
					require.InDelta(t, step.wait, d.RetryAfter, float64(5*time.Microsecond), i)
				}
				by, refused := d.RefusedBy()
				require.Equal(t, !d.Allowed, refused, i)
				var limited *gate.LimitError
				if errors.As(d.Err(), &limited) {
					require.Len(t, limited.Limits, 1)
					require.Equal(t, by, limited.Limits[0].Payer)
					require.Contains(t, step.want, fmt.Sprint(", ", by, " ", limited.Limits[0].Name))
				}
			}
		}
	})
}
