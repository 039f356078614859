package redis

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	period "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestMoreAtOnce has 100 streams of one key charge further costs at the same time, in the
// batches of a store. Exactly those are admitted that fit, on a server and in a Cluster.
func TestMoreAtOnce(t *testing.T) {
	for name, client := range map[string]func(t testing.TB) rueidis.Client{
		"server":  func(t testing.TB) rueidis.Client { return dial(t, redistest.Start(t)) },
		"cluster": cluster,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, client(t), decisionScripts)
			g, secret, link := unitGate(t, s, usageplan.Plan{Quotas: []period.Quota{
				{Limit: 1, Period: period.Year},
				{Limit: 50, Unit: "input", Period: period.Year},
				{Limit: 1000, Unit: "output", Period: period.Year},
			}})
			var first gate.Decision
			admit(t, g, &first, gate.Request{Secret: secret})
			require.True(t, first.Allowed)

			var admitted atomic.Int64
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					var d gate.Decision
					admit(t, g, &d, gate.Request{Secret: secret, Costs: usageplan.Costs{3, 7}, More: true})
					if d.Allowed {
						admitted.Add(1)
					}
				})
			}
			wg.Wait()

			require.EqualValues(t, 16, admitted.Load())
			for unit, want := range map[string]int64{"": 1, "input": 48, "output": 112} {
				days, err := g.UsageByDay(t.Context(), link.PlanID, link.KeyID, unit, 1)
				require.NoError(t, err)
				require.Equal(t, want, days[0].Used, unit)
			}
		})
	}
}
