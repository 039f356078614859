package middleware_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestSoftIsNotShown uses up the soft limits of a key and of its group. They stand in no
// field and in no problem.
func TestSoftIsNotShown(t *testing.T) {
	soft := []quota.Quota{quota.MustParse("1/day soft")}
	softThrottle := []usageplan.Throttle{must(usageplan.ParseThrottle("1/hour soft"))}
	hard := func(n int64) []quota.Quota { return append(soft[:1:1], perMonth(n)...) }
	for name, c := range map[string]struct {
		key, team      *usageplan.Plan
		policy, limits string
		xLimit         string
		violated       []string
		refused        string
	}{
		"soft only": {&usageplan.Plan{Throttles: softThrottle, Quotas: soft}, &usageplan.Plan{Quotas: soft}, "", "", "", nil, ""},
		"beside a limit of the key": {
			&usageplan.Plan{Throttles: softThrottle, Quotas: hard(2)}, &usageplan.Plan{Throttles: softThrottle, Quotas: soft},
			`"month";q=2`, `"month";r=0;t=2678400`, "2", []string{"month"}, `{"payer": "key", "limit": "month"}`,
		},
		"beside a limit of the group": {
			&usageplan.Plan{Throttles: softThrottle, Quotas: soft}, &usageplan.Plan{Throttles: softThrottle, Quotas: hard(2)},
			`"team/month";q=2`, `"team/month";r=0;t=2678400`, "2", []string{"team/month"}, `{"payer": "group", "id": "team", "limit": "month"}`,
		},
		"of a class": {
			&usageplan.Plan{Quotas: perMonth(2), For: map[string]usageplan.Limits{"GET /": {Quotas: soft}}}, nil,
			`"month";q=2`, `"month";r=0;t=2678400`, "2", []string{"month"}, `{"payer": "key", "limit": "month"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFixture(t)
				h.group("team", "", c.team)
				_, secret := h.keyIn("team", c.key)
				mw := h.middleware(middleware.Config{ShowGroups: true, XRateLimit: middleware.XRateLimitSeconds}).Handler(muxOf("GET /"))
				require.Equal(t, 200, status(mw, with(secret)))
				w := serve(mw, with(secret))
				require.Equal(t, 200, w.Code)
				requireShown := func() {
					require.Equal(t, c.policy, w.Header().Get("RateLimit-Policy"))
					require.Equal(t, c.limits, w.Header().Get("RateLimit"))
					require.Equal(t, c.xLimit, w.Header().Get("X-RateLimit-Limit"))
					requireLimits(t, w.Header(), c.policy != "")
				}
				requireShown()

				w = serve(mw, with(secret))
				requireShown()
				if c.refused == "" {
					require.Equal(t, 200, w.Code)
					require.Empty(t, w.Header().Get("Retry-After"))
					return
				}
				require.Equal(t, 429, w.Code)
				require.Equal(t, "2678400", w.Header().Get("Retry-After"))
				body := readProblem(t, w)
				require.Equal(t, c.violated, body.Violated)
				require.Len(t, body.Limits, 1)
				require.JSONEq(t, c.refused, string(body.Limits[0]))
			})
		})
	}
}

// TestEnforceOff turns the limits off and on again. While they are off, used-up limits
// admit, and the fields show what they count. Keys are checked all the time.
func TestEnforceOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		h.group("team", "", &usageplan.Plan{Quotas: perMonth(2)})
		_, secret := h.keyIn("team", &usageplan.Plan{Quotas: perDay(1)})
		mw := h.middleware(middleware.Config{ShowGroups: true, XRateLimit: middleware.XRateLimitSeconds}).Handler(ok)
		for i, step := range []struct {
			on     bool
			status int
			limits string
			retry  string
		}{
			{true, 200, `"day";r=0;t=86400, "team/month";r=1;t=2678400`, ""},
			{true, 429, `"day";r=0;t=86400, "team/month";r=1`, "86400"},
			{false, 200, `"day";r=0;t=86400, "team/month";r=0;t=2678400`, ""},
			{false, 200, `"day";r=0;t=86400, "team/month";r=0;t=2678400`, ""},
			{true, 429, `"day";r=0;t=86400, "team/month";r=0;t=2678400`, "2678400"},
		} {
			h.gate.Enforce(step.on)
			w := serve(mw, with(secret))
			require.Equal(t, step.status, w.Code, i)
			require.Equal(t, step.limits, w.Header().Get("RateLimit"), i)
			require.Equal(t, `"day";q=1;w=86400, "team/month";q=2`, w.Header().Get("RateLimit-Policy"), i)
			require.Equal(t, step.retry, w.Header().Get("Retry-After"), i)
			require.Equal(t, "0", w.Header().Get("X-RateLimit-Remaining"), i)
			require.Equal(t, 401, status(mw, with("unknown")), i)
		}
	})
}
