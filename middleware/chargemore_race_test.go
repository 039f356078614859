package middleware_test

import (
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

// TestChargeMoreAtOnce has 50 streams of one key charge 10 bytes at the same time. The
// limit has room for 10 of them, whatever counts: exactly these are admitted and counted.
func TestChargeMoreAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		redis  bool
		remote bool // a memory that is not store.Local
		leases *lease.Config
		limits string
	}{
		"memory":                {},
		"leases over memory":    {remote: true, leases: &lease.Config{}},
		"redis":                 {redis: true},
		"leases over redis":     {redis: true, leases: &lease.Config{}},
		"redis with a throttle": {redis: true, limits: "0.001 bytes/day burst 100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.redis && testing.Short() {
				t.Skip("starts a Redis")
			}
			h := newFixture(t, func(cfg *parts) {
				cfg.Units, cfg.Lease = usageplan.Units{{Name: "bytes"}}, test.leases
				if test.remote {
					cfg.Counter = struct{ store.Counter }{cfg.Counter}
				}
				if test.redis {
					st := must(redis.Open("redis://"+redistest.Start(t), redis.Config{}))
					t.Cleanup(st.Close)
					cfg.Counter, cfg.Timeout = st, time.Minute
				}
			})
			plan := usageplan.Plan{Quotas: tokensPerDay(100)}
			plan.Quotas[0].Unit = "bytes"
			if test.limits != "" {
				plan = usageplan.Plan{Throttles: []usageplan.Throttle{must(usageplan.ParseThrottle(test.limits))}}
			}
			key, secret := h.key(&plan)
			mw := h.middleware(middleware.Config{})
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
			r.Header.Set("X-API-Key", secret)
			res := mw.Check(r)
			require.True(t, res.Allowed())

			var admitted atomic.Int64
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					more := mw.ChargeMore(r, &res.Decision, usageplan.Costs{10})
					if more.Allowed() {
						admitted.Add(10)
					}
					if more.Err != nil {
						t.Error(more.Err)
					}
				})
			}
			all.Wait()

			require.EqualValues(t, 100, admitted.Load())
			require.NoError(t, h.gate.Close()) // gives back what is leased
			for unit, want := range map[string]int64{"bytes": 100, "": 1} {
				days, err := h.gate.UsageByDay(t.Context(), res.Decision.Plan.ID, key.ID, unit, 1)
				require.NoError(t, err)
				require.Equal(t, want, days[0].Used, unit)
			}
		})
	}
}
