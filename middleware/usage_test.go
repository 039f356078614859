package middleware_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestFreeShowsUsage shows clients what they have left, even if that is nothing. A free
// request is charged nothing and is refused only because of the key. Each step is a
// request that pays and then one that is free.
func TestFreeShowsUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, func(cfg *parts) {
			cfg.Stages = map[usageplan.Stage]limiter.Limit{{API: "a", Name: "full"}: {}}
		})
		_, daily := h.key(&usageplan.Plan{Quotas: perDay(1)})
		_, throttled := h.key(&usageplan.Plan{Throttle: throttle(0.1, 1)})
		_, blocked := h.key(&usageplan.Plan{Throttle: &limiter.Limit{}, Quotas: perDay(0)})
		_, unlinked := h.key(nil)
		k, disabled := h.key(&usageplan.Plan{})
		_, err := h.keys.Disable(t.Context(), k.ID)
		require.NoError(t, err)
		gratis := middleware.Config{Free: free}
		stage := middleware.Config{API: "a", Stage: "full"}
		freeStage := gratis
		freeStage.API, freeStage.Stage = "a", "full"
		for _, step := range []struct {
			what, secret string
			paid, usage  middleware.Config
			status, free int
			limits       string
		}{
			{"some left", daily, middleware.Config{}, gratis, 200, 200, `"day";r=0;t=86400`},
			{"a quota used up", daily, middleware.Config{}, gratis, 429, 200, `"day";r=0;t=86400`},
			{"a last token", throttled, middleware.Config{}, gratis, 200, 200, `"throttle";r=0;t=10`},
			{"no token", throttled, middleware.Config{}, gratis, 429, 200, `"throttle";r=0;t=10`},
			{"a plan that blocks", blocked, middleware.Config{}, gratis, 403, 200, `"throttle";r=0, "day";r=0`},
			{"a throttle of all", daily, stage, freeStage, 429, 200, `"day";r=0;t=86400`},
			{"unknown", "unknown", middleware.Config{}, gratis, 401, 401, ""},
			{"disabled", disabled, middleware.Config{}, gratis, 401, 401, ""},
			{"no plan", unlinked, middleware.Config{}, gratis, 403, 403, ""},
		} {
			require.Equal(t, step.status, status(h.middleware(step.paid).Handler(ok), with(step.secret)), step.what)
			var d *gate.Decision
			w := serve(h.middleware(step.usage).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				d, _ = middleware.DecisionFromContext(r.Context())
			})), with(step.secret))
			require.Equal(t, step.free, w.Code, step.what)
			require.Equal(t, step.limits, w.Header().Get("RateLimit"), step.what)
			if step.free == 200 {
				require.True(t, d.Allowed, step.what)
				require.Equal(t, gate.Admitted, d.Reason, step.what)
				require.False(t, d.Charged, step.what)
				require.Zero(t, d.RetryAfter, step.what)
			}
		}
	})
}
