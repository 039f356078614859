package redis

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/limiter"
	period "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	local "github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestUnits makes 100 requests of one key at once, whose plan has limits in three units.
// Fifty fit by one of them. The others are charged for these fifty only. Settling and
// refunding correct each unit.
func TestUnits(t *testing.T) {
	for name, client := range map[string]func(t testing.TB) rueidis.Client{
		"server":  func(t testing.TB) rueidis.Client { return dial(t, redistest.Start(t)) },
		"cluster": cluster,
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := newStore(t, client(t), decisionScripts), t.Context()
			g, secret, link := unitGate(t, s, usageplan.Plan{
				Throttles: []usageplan.Throttle{{Limit: limiter.Limit{Rate: 1e-6, Burst: 500}, Unit: "input"}},
				Quotas:    []period.Quota{{Limit: 50, Unit: "output", Period: period.Year}, {Limit: 1000, Unit: "cents", Period: period.Year}},
			})

			decisions := make([]gate.Decision, 100)
			var admitted atomic.Int64
			var wg sync.WaitGroup
			for i := range decisions {
				wg.Go(func() {
					d := &decisions[i]
					admit(t, g, d, gate.Request{Secret: secret, Costs: usageplan.Costs{3, 1, 7}})
					if d.Allowed {
						admitted.Add(1)
					}
				})
			}
			wg.Wait()
			require.EqualValues(t, 50, admitted.Load())
			used := func() (all [4]int64) {
				for i, unit := range []string{"", "input", "output", "cents"} {
					days, err := g.UsageByDay(ctx, link.PlanID, link.KeyID, unit, 1)
					require.NoError(t, err)
					all[i] = days[0].Used
				}
				return all
			}
			require.Equal(t, [4]int64{50, 150, 50, 350}, used())

			settled := 0
			for i := range decisions {
				switch d := &decisions[i]; {
				case !d.Allowed:
					require.NoError(t, g.Settle(ctx, d, usageplan.Costs{9, 9, 9}))
				case settled < 20:
					settled++
					require.NoError(t, g.Settle(ctx, d, usageplan.Costs{1, 2, 7}))
				default:
					require.NoError(t, g.Refund(ctx, d))
				}
			}
			require.Equal(t, [4]int64{20, 20, 40, 140}, used())
			d, err := g.Peek(ctx, gate.Request{Secret: secret, Costs: usageplan.Costs{481, 11, 861}})
			require.NoError(t, err)
			require.Equal(t, gate.QuotaExceeded, d.Reason)
			var levels []int64
			for l := range d.Levels() {
				levels = append(levels, l.Used)
			}
			require.Equal(t, []int64{20, 40, 140}, levels)
		})
	}
}

// unitGate returns a Gate of a service with three units, the secret of a key, and its
// link to the plan. Keys and plans are in memory.
func unitGate(t *testing.T, s store.Counter, plan usageplan.Plan) (*gate.Gate, apikey.Secret, usageplan.Link) {
	t.Helper()
	units := usageplan.Units{{Name: "input"}, {Name: "output"}, {Name: "cents"}}
	dir := local.New(local.Config{})
	g, err := gate.New(dir, dir, s, gate.Config{Units: units, Timeout: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	key, secret, err := must(apikey.NewService(dir, apikey.Config{})).Create(t.Context(), apikey.Key{Enabled: true})
	require.NoError(t, err)
	plans := must(usageplan.NewService(dir, dir, usageplan.Config{Units: units}))
	plan, err = plans.Create(t.Context(), plan)
	require.NoError(t, err)
	require.NoError(t, plans.Link(t.Context(), plan.ID, key.ID))
	return g, secret, usageplan.Link{PlanID: plan.ID, KeyID: key.ID}
}

// admit sets d, which must not be copied, to a decision.
func admit(t *testing.T, g *gate.Gate, d *gate.Decision, req gate.Request) {
	decided, err := g.Admit(t.Context(), req)
	if err != nil {
		t.Error(err)
	}
	d.Outcome = decided.Outcome
}

// TestUnitsAreOneCall counts the commands of decisions, of decisions about further costs,
// and of settlements in several units. Each is one call of the script.
func TestUnitsAreOneCall(t *testing.T) {
	addr := redistest.Start(t)
	s := newStore(t, dial(t, addr), decisionScripts)
	g, secret, _ := unitGate(t, s, usageplan.Plan{
		Throttles: []usageplan.Throttle{{Limit: limiter.Limit{Rate: 1000, Burst: 1000}, Unit: "input"}},
		Quotas:    []period.Quota{{Limit: 1000, Unit: "input", Period: period.Day}},
	})
	decide := func() {
		d, err := g.Admit(t.Context(), gate.Request{Secret: secret, Costs: usageplan.Costs{2, 1}})
		if err == nil {
			err = g.Settle(t.Context(), &d, usageplan.Costs{1, 2})
		}
		if err != nil || !d.Allowed {
			t.Error(d.Reason, err)
		}
		more, err := g.Admit(t.Context(), gate.Request{Secret: secret, Costs: usageplan.Costs{1}, More: true})
		if err != nil || !more.Allowed {
			t.Error(more.Reason, err)
		}
	}
	decide()
	sent := monitor(t, addr, func() {
		for range 100 {
			decide()
		}
	})
	require.Equal(t, map[string]int{"evalsha": 300}, sent)
}
