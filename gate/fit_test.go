package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestFit asks when requests fit, and tries it: just before that time the request is
// refused, and at that time it is admitted.
func TestFit(t *testing.T) {
	const minute, hour, day = time.Minute, time.Hour, 24 * time.Hour
	type state struct {
		spend   int64 // tokens, at once
		extend  int64 // what then remains of the quota of the day, or -1
		after   time.Duration
		costs   int64
		want    time.Duration // after the question, or -1 for never
		enforce bool
	}
	for name, s := range map[string]state{
		"at once":                               {10, -1, 0, 10, 0, true},
		"by the throttle":                       {20, -1, 0, 5, 5 * minute, true},
		"more than the burst":                   {0, -1, 0, 21, -1, true},
		"by the quota":                          {20, 3, hour, 4, 23 * hour, true},
		"by both":                               {20, 3, 23*hour + 59*minute, 4, minute, true},
		"the throttle, then another window":     {20, 3, 23 * hour, 2, 0, true},
		"more than a window has":                {0, 30, 0, 16, 0, true},
		"only while the window is extended":     {20, 30, 2 * minute, 16, 14 * minute, true},
		"the extended window ends too early":    {0, 30, 24*hour - 5*minute, 16, 0, true},
		"when it is extended, but too late":     {20, 30, 0, 16, 16 * minute, true},
		"a limit that is off":                   {20, 3, 0, 20, 0, false},
		"what was cut comes back with a window": {0, 0, hour, 15, 23 * hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTokens(t)
				k, secret, p := h.linked(usageplan.Plan{
					Throttles: append(throttlesOf("1 tokens/minute burst 20"), throttlesOf("1 tokens/day soft as tried")...),
					Quotas:    tokensPerDay(15),
				})
				require.NoError(t, h.gate.SetRemaining(t.Context(), p.ID, k.ID, "day", 50))
				if s.spend > 0 {
					require.Equal(t, gate.Admitted, h.spend(secret, s.spend))
				}
				if s.extend >= 0 {
					require.NoError(t, h.gate.SetRemaining(t.Context(), p.ID, k.ID, "day", s.extend))
				}
				time.Sleep(s.after)
				h.gate.Enforce(s.enforce)
				u := h.usage(gate.Request{Secret: secret, Costs: costs(s.costs)}, gate.UsageQuery{})
				if s.want < 0 {
					require.Equal(t, gate.Fit{}, u.Fit)
					require.Equal(t, gate.NeverFits, h.spend(secret, s.costs))
					return
				}
				require.Equal(t, gate.Fit{Now: s.want == 0, At: time.Now().Add(s.want)}, u.Fit)
				if s.want > 0 {
					time.Sleep(s.want - time.Microsecond)
					require.NotEqual(t, gate.Admitted, h.spend(secret, s.costs))
					time.Sleep(time.Microsecond)
				}
				require.Equal(t, gate.Admitted, h.spend(secret, s.costs))
			})
		})
	}
}

// TestFitAfterExtension has a throttle that is slower than an extended window lasts. The
// request fits neither before the window ends nor after it.
func TestFitAfterExtension(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokens(t)
		k, secret, p := h.linked(usageplan.Plan{Throttles: throttlesOf("1 tokens/hour burst 20"), Quotas: tokensPerDay(10)})
		require.NoError(t, h.gate.SetRemaining(t.Context(), p.ID, k.ID, "day", 40))
		time.Sleep(12 * time.Hour)
		require.Equal(t, gate.Admitted, h.spend(secret, 20))
		u := h.usage(gate.Request{Secret: secret, Costs: costs(12)}, gate.UsageQuery{})
		require.Equal(t, gate.Fit{}, u.Fit, "after 12 hours the bucket has 12 tokens, and the window ends")
		u = h.usage(gate.Request{Secret: secret, Costs: costs(11)}, gate.UsageQuery{})
		require.Equal(t, gate.Fit{At: u.At.Add(11 * time.Hour)}, u.Fit)
	})
}

// TestFitOfRequests asks about several requests at once, also of a throttle that all
// clients share.
func TestFitOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, func(cfg *parts) { cfg.Account = throttle(0.1, 1) })
		_, secret, _ := h.linked(usageplan.Plan{Throttle: throttle(1, 10), Quotas: perDay(100)})
		ask := func(n int64) (gate.Fit, time.Time) {
			u := h.usage(gate.Request{Secret: secret}, gate.UsageQuery{Requests: n})
			return u.Fit, u.At
		}
		fit, at := ask(10)
		require.Equal(t, gate.Fit{Now: true, At: at}, fit)
		fit, _ = ask(11)
		require.Equal(t, gate.Fit{}, fit)
		require.Equal(t, gate.Admitted, h.reason(secret))
		fit, at = ask(1)
		require.Equal(t, gate.Fit{At: at.Add(10 * time.Second)}, fit)
		require.Empty(t, allLevels(&gate.Usage{}))
	})
}
