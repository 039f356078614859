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
	local "github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestQuotaUnseen makes 2,000 requests of one key at once. The account's throttle admits
// a hundred, and the key's quota has room for one more. No request is told that the quota
// is used up, on one server, where the two are one step, and in a Cluster, where they are
// two.
func TestQuotaUnseen(t *testing.T) {
	for name, client := range map[string]func(t testing.TB) rueidis.Client{
		"server":  func(t testing.TB) rueidis.Client { return dial(t, redistest.Start(t)) },
		"cluster": cluster,
	} {
		t.Run(name, func(t *testing.T) {
			const burst, callers, each = 100, 50, 40
			s := newStore(t, client(t), decisionScripts)
			dir := local.New(local.Config{})
			g, err := gate.New(dir, dir, s, gate.Config{Account: &limiter.Limit{Rate: 1e-6, Burst: burst}, Timeout: time.Minute})
			require.NoError(t, err)
			defer g.Close()
			key, secret, err := must(apikey.NewService(dir, apikey.Config{})).Create(t.Context(), apikey.Key{Enabled: true})
			require.NoError(t, err)
			plans := must(usageplan.NewService(dir, dir, usageplan.Config{}))
			plan, err := plans.Create(t.Context(), usageplan.Plan{Quotas: []period.Quota{{Limit: burst + 1, Period: period.Month}}})
			require.NoError(t, err)
			require.NoError(t, plans.Link(t.Context(), plan.ID, key.ID))

			var admitted, wrong atomic.Int64
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for range each {
						d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
						switch {
						case err != nil:
							t.Error(err)
						case d.Allowed:
							admitted.Add(1)
						case !refusedByAccount(&d):
							wrong.Add(1)
						}
					}
				})
			}
			wg.Wait()
			require.Zero(t, wrong.Load(), "refusals that blame the quota")
			require.EqualValues(t, burst, admitted.Load())
			days, err := g.UsageByDay(t.Context(), plan.ID, key.ID, "", 1)
			require.NoError(t, err)
			require.EqualValues(t, burst, days[0].Used)
		})
	}
}

func refusedByAccount(d *gate.Decision) bool {
	by, refused := d.RefusedBy()
	return refused && by.Kind == gate.PayerAccount
}
