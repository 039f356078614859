package apigateway_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/usageplan"
)

// far hides that a Counter is in this process.
type far struct{ store.Counter }

// TestUsageWithLeases checks that GetUsage shows what was spent, and all else as
// remaining, while another Gate has leased a part of the quota.
func TestUsageWithLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newHarness(t), t.Context()
		p, err := h.plans.Create(ctx, usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Period: quota.Month}}})
		require.NoError(t, err)
		k, _, err := h.keys.Create(ctx, apikey.Key{Enabled: true})
		require.NoError(t, err)
		require.NoError(t, h.plans.Link(ctx, p.ID, k.ID))
		leasing, err := gate.New(h.st, h.st, far{h.st}, gate.Config{Units: units, Lease: &lease.Config{}})
		require.NoError(t, err)

		spend := func(n int) {
			for range n {
				d, err := leasing.Admit(ctx, gate.Request{KeyID: k.ID})
				require.NoError(t, err)
				require.True(t, d.Allowed)
				synctest.Wait() // for the next block
			}
		}
		shown := func() [2]float64 {
			today := time.Now().UTC().Format(time.DateOnly)
			usage := h.ok(200, "GET /usageplans/"+p.ID+"/usage?startDate="+today+"&endDate="+today, "")
			pair := usage.body["values"].(map[string]any)[k.ID].([]any)[0].([]any)
			return [2]float64{pair[0].(float64), pair[1].(float64)}
		}
		spend(10)
		windows, err := h.gate.UsageByWindow(ctx, p.ID, k.ID, "month", 1)
		require.NoError(t, err)
		require.Positive(t, windows[0].Leased)
		known := shown()
		require.InDelta(t, 10, known[0], 10, "what is known to be spent")
		require.EqualValues(t, 1000, known[0]+known[1])
		require.EqualValues(t, windows[0].Used-windows[0].Leased, known[0])

		require.NoError(t, leasing.Close())
		require.Equal(t, [2]float64{10, 990}, shown())
		spend(1) // a closed Gate decides exactly
		require.Equal(t, [2]float64{11, 989}, shown())
	})
}
