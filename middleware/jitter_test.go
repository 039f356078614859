package middleware_test

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestJitter uses the daily quotas of many keys up. All are told to come back after
// midnight, within the jitter, and the clients differ. A client that waits for as long as
// Retry-After says is admitted.
func TestJitter(t *testing.T) {
	const day, jitter = 86400, 600
	answer := map[string]func(http.ResponseWriter, *http.Request, *middleware.Result){
		"problem": nil,
		"aws":     func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) { res.WriteAWS(w) },
	}
	for name, refuse := range answer {
		synctest.Test(t, func(t *testing.T) {
			h := newFixture(t)
			h.group("acme", "", &usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Period: quota.Day}}})
			mw := h.middleware(middleware.Config{
				Jitter: jitter * time.Second, XRateLimit: middleware.XRateLimitSeconds, ShowGroups: true, Refuse: refuse,
			}).Handler(ok)
			waits := map[int64]bool{}
			var last string
			var longest int64
			for range 50 {
				_, last = h.keyIn("acme", &usageplan.Plan{Throttle: throttle(1, 100), Quotas: perDay(1)})
				w := serve(mw, with(last))
				require.Equal(t, 200, w.Code)
				limits, err := parseList(w.Header().Get("RateLimit"))
				require.NoError(t, err)
				require.Equal(t, item{"throttle", map[string]int64{"r": 99, "t": 1}}, limits[0], "a throttle has no jitter")
				for _, l := range limits[1:] {
					require.True(t, day <= l.params["t"] && l.params["t"] <= day+jitter, "%s %+v", name, l)
				}

				w = serve(mw, with(last))
				require.Equal(t, 429, w.Code)
				wait, err := strconv.ParseInt(w.Header().Get("Retry-After"), 10, 64)
				require.NoError(t, err)
				require.True(t, day <= wait && wait <= day+jitter, "%s %d", name, wait)
				limits, err = parseList(w.Header().Get("RateLimit"))
				require.NoError(t, err)
				require.Equal(t, item{"throttle", map[string]int64{"r": 99}}, limits[0])
				require.Equal(t, item{"day", map[string]int64{"r": 0, "t": wait}}, limits[1], "t and Retry-After are one")
				require.NotContains(t, limits[2].params, "t", "the group has not refused")
				require.Equal(t, strconv.FormatInt(wait, 10), w.Header().Get("X-RateLimit-Reset"))
				if refuse == nil {
					require.Contains(t, w.Body.String(), "Try again in "+strconv.FormatInt(wait, 10)+" s.")
				}
				waits[wait] = true
				longest = max(longest, wait)
			}
			require.Greater(t, len(waits), 20, "clients differ")
			time.Sleep(time.Duration(longest) * time.Second)
			require.Equal(t, 200, status(mw, with(last)))
		})
	}
}

// TestJitterOfThrottle checks that the waits for throttles have no jitter. If a quota
// refuses as well, and its wait with the jitter is the longer one, Retry-After is not
// shorter than that.
func TestJitterOfThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, throttled := h.key(&usageplan.Plan{Throttle: throttle(0.5, 1)})
		_, secret := h.key(&usageplan.Plan{Throttle: throttle(1.0/59, 1), Quotas: []quota.Quota{{Limit: 1, Period: quota.Minute}}})
		mw := h.middleware(middleware.Config{Jitter: time.Minute}).Handler(ok)
		require.Equal(t, 200, status(mw, with(throttled)))
		time.Sleep(1500 * time.Millisecond) // the quota ends before the throttle has a token
		require.Equal(t, 200, status(mw, with(secret)))
		for range 100 {
			require.Equal(t, "1", serve(mw, with(throttled)).Header().Get("Retry-After"))
			w := serve(mw, with(secret))
			wait, err := strconv.ParseInt(w.Header().Get("Retry-After"), 10, 64)
			require.NoError(t, err)
			limits, err := parseList(w.Header().Get("RateLimit"))
			require.NoError(t, err)
			require.Len(t, limits, 2)
			for _, l := range limits {
				require.LessOrEqual(t, l.params["t"], wait, "%+v", limits)
			}
		}
	})
}

// TestJitterFaults checks the bounds of Config.Jitter and Config.SharedStatus.
func TestJitterFaults(t *testing.T) {
	h := newFixture(t)
	for _, c := range []struct {
		cfg   middleware.Config
		fault string
	}{
		{middleware.Config{Jitter: -1}, "jitter: -1ns: want 0 to 1h0m0s"},
		{middleware.Config{Jitter: time.Hour + 1}, "jitter: 1h0m0.000000001s: want 0 to 1h0m0s"},
		{middleware.Config{SharedStatus: 500}, "sharedStatus: 500: want 429 or 503"},
		{middleware.Config{Jitter: time.Hour, SharedStatus: 503}, ""},
	} {
		_, err := middleware.New(h.gate, c.cfg)
		if c.fault == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, middleware.ErrInvalid)
		require.ErrorContains(t, err, c.fault)
	}
}

// TestRefusalAmongSeveral has one of two limiters, one inside the other, refuse. Only the
// limit that refused has an effective window: Retry-After would be earlier than the
// other.
func TestRefusalAmongSeveral(t *testing.T) {
	for name, c := range map[string]struct {
		stack  func(limit func(http.Handler) http.Handler, mw *middleware.Middleware) http.Handler
		plan   *usageplan.Plan
		burst  int
		limits []string
	}{
		"the inner middleware refuses": {
			func(limit func(http.Handler) http.Handler, mw *middleware.Middleware) http.Handler {
				return limit(mw.Handler(ok))
			},
			&usageplan.Plan{Throttle: throttle(1, 1)}, 9, []string{`"by \";t=7";r=7`, `"throttle";r=0;t=1`},
		},
		"the inner LimitBy refuses": {
			func(limit func(http.Handler) http.Handler, mw *middleware.Middleware) http.Handler {
				return mw.Handler(limit(ok))
			},
			&usageplan.Plan{Quotas: perDay(9)}, 1, []string{`"day";r=7`, `"by \";t=7";r=0;t=1000`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFixture(t)
				_, secret := h.key(c.plan)
				lim, err := limiter.New(memory.New(memory.Config{}), limiter.Limit{Rate: 0.001, Burst: c.burst}, limiter.Config{Name: `by ";t=7`})
				require.NoError(t, err)
				stacked := c.stack(must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{})), h.middleware(middleware.Config{}))
				require.Equal(t, 200, status(stacked, with(secret)))
				w := serve(stacked, with(secret))
				require.Equal(t, 429, w.Code)
				require.Equal(t, c.limits, w.Header().Values("RateLimit"))
				for _, line := range c.limits {
					_, err := parseList(line)
					require.NoError(t, err)
				}
			})
		})
	}
}

// TestSharedStatus checks what a client hears when a shared throttle refuses, by
// Config.SharedStatus. Its own throttle is answered as ever.
func TestSharedStatus(t *testing.T) {
	aws := func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) { res.WriteAWS(w) }
	for _, c := range []struct {
		what          string
		cfg           middleware.Config
		shared, alone int
		kind          string
	}{
		{"the default", middleware.Config{}, 429, 429, reducedCapacity},
		{"429", middleware.Config{SharedStatus: 429}, 429, 429, reducedCapacity},
		{"503", middleware.Config{SharedStatus: 503}, 503, 429, reducedCapacity},
		{"503, as Amazon API Gateway answers", middleware.Config{SharedStatus: 503, Refuse: aws}, 429, 429, "Too Many Requests"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newFixture(t, func(cfg *parts) { cfg.Account = throttle(0.01, 2) })
			_, secret := h.key(&usageplan.Plan{Throttle: throttle(1, 1)})
			mw := h.middleware(c.cfg).Handler(ok)
			require.Equal(t, 200, status(mw, with(secret)), c.what)
			require.Equal(t, c.alone, status(mw, with(secret)), c.what)
			time.Sleep(time.Second)
			require.Equal(t, 200, status(mw, with(secret)), c.what)
			time.Sleep(time.Second)
			w := serve(mw, with(secret))
			require.Equal(t, c.shared, w.Code, c.what)
			require.Equal(t, "98", w.Header().Get("Retry-After"), c.what)
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"), c.what)
			require.Contains(t, w.Body.String(), c.kind, c.what)
			time.Sleep(98 * time.Second)
			require.Equal(t, 200, status(mw, with(secret)), c.what)
		})
	}
}
