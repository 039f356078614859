package middleware_test

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestFields checks the RateLimit fields of the first request under each plan. The bubble
// begins at midnight of Saturday, 1 January 2000.
func TestFields(t *testing.T) {
	const greatest = min(1<<53-2, math.MaxInt) // the largest burst, also on 32-bit machines
	const mostShown int64 = 999_999_999_999_999
	for _, c := range []struct {
		plan           usageplan.Plan
		policy, limits string
	}{
		{usageplan.Plan{}, "", ""},
		{usageplan.Plan{Throttle: throttle(10, 100)}, `"throttle";q=100;w=10`, `"throttle";r=99;t=1`},
		{usageplan.Plan{Throttle: throttle(0.5, 5)}, `"throttle";q=5;w=10`, `"throttle";r=4;t=2`},
		{usageplan.Plan{Throttle: throttle(3, 100)}, `"throttle";q=100;w=34`, `"throttle";r=99;t=1`},
		{usageplan.Plan{Throttle: throttle(100, 10)}, `"throttle";q=100;w=1;ration-burst=10`, `"throttle";r=9;t=1`},
		{usageplan.Plan{Throttle: throttle(2.9, 2)}, `"throttle";q=2;w=1;ration-burst=2`, `"throttle";r=1;t=1`},
		{usageplan.Plan{Throttle: throttle(7, 7)}, `"throttle";q=7;w=1`, `"throttle";r=6;t=1`},
		{usageplan.Plan{Throttle: throttle(1e12, 1)}, `"throttle";q=1000000000000;w=1;ration-burst=1`, `"throttle";r=0;t=1`},
		{usageplan.Plan{Throttle: throttle(1.0/86400, 1)}, `"throttle";q=1;w=86400`, `"throttle";r=0;t=86400`},
		{usageplan.Plan{Throttle: throttle(1e6, greatest)}, fmt.Sprintf(`"throttle";q=%d;w=%d`, min(greatest, mostShown), (greatest+999_999)/1_000_000),
			fmt.Sprintf(`"throttle";r=%d;t=1`, min(greatest-1, mostShown))},
		{usageplan.Plan{Throttle: throttle(rate.Inf, 0), Quotas: perDay(1)}, `"day";q=1;w=86400`, `"day";r=0;t=86400`},
		{usageplan.Plan{Quotas: []quota.Quota{{Limit: 1<<53 - 2, Period: quota.Minute}, {Limit: 2, Period: quota.Hour}}},
			`"minute";q=999999999999999;w=60, "hour";q=2;w=3600`, `"minute";r=999999999999999;t=60, "hour";r=1;t=3600`},
		{usageplan.Plan{Quotas: []quota.Quota{{Limit: 2, Period: quota.Week}, {Limit: 2, Period: quota.Month}, {Limit: 2, Period: quota.Year}}},
			`"week";q=2;w=604800, "month";q=2, "year";q=2`, `"week";r=1;t=86400, "month";r=1;t=2678400, "year";r=1;t=31622400`},
		{usageplan.Plan{Quotas: []quota.Quota{{Name: `a "b" \c`, Limit: 2, Period: quota.Day}}},
			`"a \"b\" \\c";q=2;w=86400`, `"a \"b\" \\c";r=1;t=86400`},
		{usageplan.Plan{Routes: map[string]limiter.Limit{"*": limiter.PerSecond(5)}}, `"throttle *";q=5;w=1`, `"throttle *";r=4;t=1`},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newFixture(t)
			_, secret := h.key(&c.plan)
			w := serve(h.middleware(middleware.Config{}).Handler(ok), with(secret))
			require.Equal(t, 200, w.Code, c.policy)
			require.Equal(t, c.policy, w.Header().Get("RateLimit-Policy"))
			require.Equal(t, c.limits, w.Header().Get("RateLimit"))
			if c.policy != "" {
				for _, field := range []string{c.policy, c.limits} {
					_, err := parseList(field)
					require.NoError(t, err)
				}
			}
		})
	}
}

// TestNextToken checks while a bucket fills that t is the time until the next token,
// rounded up to whole seconds.
func TestNextToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{Throttle: throttle(3.0/7, 4)})
		protected := h.middleware(middleware.Config{Free: free}).Handler(ok)
		charged := h.middleware(middleware.Config{}).Handler(ok)
		for range 4 {
			require.Equal(t, 200, status(charged, with(secret)))
		}
		start := time.Now()
		for at := time.Duration(0); at < 10*time.Second; at += 73 * time.Millisecond {
			time.Sleep(at - time.Since(start))
			limits, err := parseList(serve(protected, with(secret)).Header().Get("RateLimit"))
			require.NoError(t, err)
			have := int64(time.Since(start) * 3 / (7 * time.Second))
			require.Equal(t, min(have, 4), limits[0].params["r"])
			if have >= 4 {
				require.NotContains(t, limits[0].params, "t")
				continue
			}
			next := (7*time.Second*time.Duration(have+1) + 2) / 3
			want := int64((next - time.Since(start) + time.Second - 1) / time.Second)
			require.Equal(t, want, limits[0].params["t"], at)
		}
	})
}

// TestNextTokenOfRefusal refuses at an instant at which rounding would make t a second
// longer than Retry-After.
func TestNextTokenOfRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{Throttle: throttle(3.0/7, 6)})
		protected := h.middleware(middleware.Config{}).Handler(ok)
		for range 6 {
			require.Equal(t, 200, status(protected, with(secret)))
		}
		time.Sleep(3666667 * time.Microsecond)
		require.Equal(t, 200, status(protected, with(secret)))
		w := serve(protected, with(secret))
		require.Equal(t, "1", w.Header().Get("Retry-After"))
		require.Equal(t, `"throttle";r=0;t=1`, w.Header().Get("RateLimit"))
	})
}

// TestXRateLimit checks that the X-RateLimit fields describe the tightest limit, in the
// unit that the Config selects.
func TestXRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, inTokens)
		_, secret := h.key(&usageplan.Plan{Throttle: throttle(0.1, 5), Quotas: perDay(4)})
		_, unlimited := h.key(&usageplan.Plan{})
		delta := h.middleware(middleware.Config{XRateLimit: middleware.XRateLimitSeconds, OmitHeaders: true}).Handler(ok)
		epoch := h.middleware(middleware.Config{XRateLimit: middleware.XRateLimitUnix}).Handler(ok)
		midnight := time.Now()
		time.Sleep(500 * time.Millisecond)
		for i, want := range []string{"4 3 86400", "4 2 86400", "4 1 86400", "4 0 86400", "4 0 86400"} {
			w := serve(delta, with(secret))
			get := w.Header().Get
			require.Equal(t, want, get("X-RateLimit-Limit")+" "+get("X-RateLimit-Remaining")+" "+get("X-RateLimit-Reset"), i)
			require.Empty(t, get("RateLimit")+get("RateLimit-Policy"))
		}
		w := serve(epoch, with(secret))
		require.Equal(t, fmt.Sprint(midnight.Unix()+86400), w.Header().Get("X-RateLimit-Reset"))
		require.NotEmpty(t, w.Header().Get("RateLimit"))
		require.Empty(t, serve(epoch, with(unlimited)).Header().Get("X-RateLimit-Limit"))

		_, dear := h.key(&usageplan.Plan{Throttle: throttle(0.001, 5), Quotas: tokensPerDay(5)})
		_, inTokensOnly := h.key(&usageplan.Plan{Quotas: tokensPerDay(5)})
		for _, step := range []struct {
			secret           string
			cost             int64
			remaining, reset string
			what             string
		}{
			{dear, 3, "4", "1000", "requests remain, although more than tokens"},
			{dear, 3, "2", "86400", "the quota of tokens refuses"},
			{dear, 2, "0", "86400", "no tokens remain"},
			{dear, 0, "0", "86400", "no tokens remain, and none are needed"},
			{inTokensOnly, 3, "2", "86400", "there is no limit of requests"},
		} {
			cfg := middleware.Config{XRateLimit: middleware.XRateLimitSeconds, Costs: using(step.cost)}
			get := serve(h.middleware(cfg).Handler(ok), with(step.secret)).Header().Get
			require.Equal(t, step.remaining, get("X-RateLimit-Remaining"), step.what)
			require.Equal(t, step.reset, get("X-RateLimit-Reset"), step.what)
		}

		_, slow := h.key(&usageplan.Plan{Throttle: throttle(0.1, 2)})
		w = serve(epoch, with(slow))
		require.Equal(t, fmt.Sprint(midnight.Unix()+11), w.Header().Get("X-RateLimit-Reset"), "half a second past is rounded up")
	})
}

// FuzzFields writes the fields of any plan that a key and its group have. A parser of
// structured fields accepts them, and their figures are plausible.
func FuzzFields(f *testing.F) {
	f.Add("day", int64(100), uint8(3), 10.0, 100, "GET /pets/{id}", uint8(3))
	f.Add(`"\`, int64(1<<53-2), uint8(5), 1e12, 1, "/pëts/", uint8(9))
	f.Add("x", int64(0), uint8(1), 0.0, 0, "*", uint8(1))
	f.Add("y", int64(1), uint8(4), 1e-8, 1<<30, "", uint8(2))
	f.Fuzz(func(t *testing.T, name string, limit int64, period uint8, perSecond float64, burst int, route string, requests uint8) {
		l := limiter.Limit{Rate: rate.Limit(perSecond), Burst: burst}
		p := usageplan.Plan{Throttle: &l, Quotas: []quota.Quota{{Name: name, Limit: limit, Period: quota.Period(period)}}}
		if route != "" {
			p.Routes = map[string]limiter.Limit{"*": l}
			if canonical, err := usageplan.Route(route); err == nil {
				p.Routes[canonical] = l
			}
		}
		if p.Validate() != nil {
			t.Skip()
		}
		h := newFixture(t)
		h.group("acme", "", &p)
		_, secret := h.keyIn("acme", &p)
		r := with(secret)
		r.Pattern = route
		protected := h.middleware(middleware.Config{ShowGroups: true}).Handler(ok)
		for range requests%8 + 1 {
			w := serve(protected, r)
			policies, err := parseList(w.Header().Get("RateLimit-Policy"))
			require.NoError(t, err)
			limits, err := parseList(w.Header().Get("RateLimit"))
			require.NoError(t, err)
			require.Equal(t, len(policies), len(limits))
			names := map[string]bool{}
			for i, p := range policies {
				require.False(t, names[p.name], p.name)
				names[p.name] = true
				require.Equal(t, p.name, limits[i].name)
				q, hasQ := p.params["q"]
				w, hasW := p.params["w"]
				require.True(t, hasQ)
				require.True(t, !hasW || w > 0)
				require.LessOrEqual(t, limits[i].params["r"], max(q, p.params["ration-burst"]))
				until, hasT := limits[i].params["t"]
				require.True(t, !hasT || until > 0)
			}
		}
	})
}
