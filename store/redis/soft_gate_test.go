package redis

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	period "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// said returns the reason of a decision, and the limits that refused and would refuse.
func said(o *gate.Outcome) string {
	names := func(mark string, levels func(func(gate.Level) bool)) (text string) {
		for l := range levels {
			text += fmt.Sprintf("%s%v %s", mark, l.Payer.Kind, l.Name)
		}
		return text
	}
	return o.Reason.String() + names("; by ", o.Refusals()) + names("; soft ", o.WouldRefuse())
}

// TestSoftInRedis is a timeline of requests with limits of classes, soft ones and the
// switch Enforce, on one server and in a Cluster, which takes the account's tokens apart.
// Peek says the same as Admit.
func TestSoftInRedis(t *testing.T) {
	for name, client := range places {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, client(t), decisionScripts)
			m := newCompany(t, s, gate.Config{Account: &limiter.Limit{Rate: 1e-6, Burst: 7}}, 9, 100, 6)
			ctx := t.Context()
			quotas := func(texts ...string) (all []period.Quota) {
				for _, text := range texts {
					all = append(all, period.MustParse(text))
				}
				return all
			}
			require.NoError(t, errOf(m.plans.Update(ctx, "key", func(p *usageplan.Plan) error {
				p.Throttles = []usageplan.Throttle{{Limit: limiter.Limit{Rate: 1e-6, Burst: 4}, Unit: "units", Soft: true}}
				p.Quotas = append(p.Quotas, quotas("4 units/year soft as warning")...)
				p.For = map[string]usageplan.Limits{"opus": {Quotas: quotas("2/year")}, "GET /a": {Quotas: quotas("1/year soft")}}
				return nil
			})))
			for i, step := range []struct {
				enforce          bool
				class, route, id string
				units            int64
				want             string
				used             [4]int64
			}{
				{true, "opus", "", "", 3, "admitted", [4]int64{3, 3, 0, 3}},
				{true, "opus", "GET /a", "a", 2, "admitted; soft key units; soft key warning", [4]int64{5, 5, 0, 5}},
				{true, "opus", "GET /a", "a", 2, "admitted", [4]int64{5, 5, 0, 5}},
				{true, "opus", "", "", 1, "quota_exceeded; by key opus year; soft key warning", [4]int64{5, 5, 0, 5}},
				{true, "", "GET /a", "", 1, "admitted; soft key warning; soft key GET /a year", [4]int64{6, 6, 0, 6}},
				{true, "", "", "", 1, "quota_exceeded; by key units/year; soft key units; soft key warning", [4]int64{6, 6, 0, 6}},
				{false, "opus", "", "b", 4, "admitted; soft key units; soft key warning; soft key units/year; soft key opus year; soft group units/year", [4]int64{10, 10, 0, 10}},
				{false, "opus", "", "b", 4, "admitted", [4]int64{10, 10, 0, 10}},
				{false, "haiku", "", "", 0, "admitted", [4]int64{10, 10, 0, 10}},
				{false, "haiku", "", "", 0, "admitted", [4]int64{10, 10, 0, 10}},
				{false, "haiku", "", "", 0, "admitted", [4]int64{10, 10, 0, 10}},
				{false, "haiku", "", "", 0, "admitted; soft account throttle", [4]int64{10, 10, 0, 10}},
				{false, "haiku", "", "b", 0, "admitted", [4]int64{10, 10, 0, 10}},
				{true, "haiku", "", "", 0, "throttled; by account throttle", [4]int64{10, 10, 0, 10}},
			} {
				m.gate.Enforce(step.enforce)
				req := gate.Request{KeyID: "k", Class: step.class, Route: step.route, ID: step.id, Costs: usageplan.Costs{step.units}}
				peeked, err := m.gate.Peek(ctx, req)
				require.NoError(t, err)
				d, err := m.gate.Admit(ctx, req)
				require.NoError(t, err)
				sorted := strings.Split(said(&d.Outcome), "; ")
				require.ElementsMatch(t, strings.Split(step.want, "; "), sorted, "step %d", i)
				require.Equal(t, said(&d.Outcome), said(&peeked.Outcome), "step %d", i)
				require.Equal(t, step.used, m.used(), "step %d", i)
			}
		})
	}
}

// TestEnforceInTrafficInRedis turns the limits off and on while two Gates over two stores
// admit requests. Everything that was admitted is counted at each payer, and the limits
// are in force at once when they are on again.
func TestEnforceInTrafficInRedis(t *testing.T) {
	for name, client := range places {
		t.Run(name, func(t *testing.T) {
			c := client(t)
			s, other := newStore(t, c, decisionScripts), newStore(t, c, decisionScripts)
			cfg := gate.Config{Account: &limiter.Limit{Rate: 1e-6, Burst: 30}, Timeout: time.Minute, Units: companyUnits}
			m := newCompany(t, s, cfg, 50, 70, 40)
			gates := []*gate.Gate{m.gate, must(gate.New(other, other, other, cfg))}
			defer gates[1].Close()
			var mu sync.Mutex
			var want int64
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					for i := range 60 {
						g := gates[worker%2]
						g.Enforce((i+worker)%5 == 0)
						d, err := g.Admit(t.Context(), gate.Request{KeyID: "k", ID: fmt.Sprint(worker, "/", i/2), Costs: usageplan.Costs{2}})
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						want += d.Costs[0]
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			require.Equal(t, [4]int64{want, want, 0, want}, m.used())
			require.Greater(t, want, int64(100), "far above the limits")
			for _, g := range gates {
				g.Enforce(true)
				d, err := g.Admit(t.Context(), gate.Request{KeyID: "k", Costs: usageplan.Costs{2}})
				require.NoError(t, err)
				require.False(t, d.Allowed)
			}
			require.Equal(t, [4]int64{want, want, 0, want}, m.used())
		})
	}
}
