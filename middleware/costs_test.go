package middleware_test

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestCosts checks that limits are charged what Config.Costs returns, that a free request
// is charged nothing, and that a negative cost gives nothing back.
func TestCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, inTokens)
		_, secret := h.key(&usageplan.Plan{Throttle: throttle(1, 2), Quotas: tokensPerDay(10)})
		_, unlimited := h.key(&usageplan.Plan{})
		_, none := h.key(&usageplan.Plan{Quotas: tokensPerDay(0)})
		const gratis = -7
		cost := func(r *http.Request) int64 {
			n, err := strconv.ParseInt(r.Header.Get("Cost"), 10, 64)
			require.NoError(t, err)
			return n
		}
		protected := h.middleware(middleware.Config{
			Costs: func(r *http.Request) usageplan.Costs {
				require.NotEqual(t, int64(gratis), cost(r), "Costs is not called for a free request")
				return usageplan.Costs{cost(r)}
			},
			Free: func(r *http.Request) bool { return cost(r) == gratis },
		}).Handler(ok)
		for _, step := range []struct {
			after  time.Duration
			secret string
			cost   int64
			status int
			limits string
			retry  string
		}{
			{0, secret, gratis, 200, `"throttle";r=2, "tokens/day";r=10;t=86400`, ""},
			{0, secret, -1, 500, "", ""},
			{0, secret, math.MinInt64, 500, "", ""},
			{0, secret, math.MaxInt64, 500, "", ""},
			{0, secret, 4, 200, `"throttle";r=1;t=1, "tokens/day";r=6;t=86400`, ""},
			{0, secret, 7, 429, `"throttle";r=1, "tokens/day";r=6;t=86400`, "86400"},
			{0, secret, 11, 403, `"throttle";r=1, "tokens/day";r=6;t=86400`, ""},
			{0, secret, 1<<53 - 1, 403, `"throttle";r=1, "tokens/day";r=6;t=86400`, ""},
			{0, secret, gratis, 200, `"throttle";r=1;t=1, "tokens/day";r=6;t=86400`, ""},
			{0, secret, 1, 200, `"throttle";r=0;t=1, "tokens/day";r=5;t=86400`, ""},
			{0, secret, 0, 429, `"throttle";r=0;t=1, "tokens/day";r=5`, "1"},
			{0, secret, gratis, 200, `"throttle";r=0;t=1, "tokens/day";r=5;t=86400`, ""},
			{0, secret, 11, 403, `"throttle";r=0;t=1, "tokens/day";r=5;t=86400`, ""},
			{time.Second, secret, gratis, 200, `"throttle";r=1;t=1, "tokens/day";r=5;t=86399`, ""},
			{0, secret, 5, 200, `"throttle";r=0;t=1, "tokens/day";r=0;t=86399`, ""},
			{2 * time.Second, secret, gratis, 200, `"throttle";r=2, "tokens/day";r=0;t=86397`, ""},
			{0, secret, 0, 200, `"throttle";r=1;t=1, "tokens/day";r=0;t=86397`, ""},
			{86397 * time.Second, secret, gratis, 200, `"throttle";r=2, "tokens/day";r=10;t=86400`, ""},
			{0, none, gratis, 200, `"tokens/day";r=0`, ""},
			{0, none, 1, 403, `"tokens/day";r=0`, ""},
			{0, unlimited, 1 << 50, 200, "", ""},
			{0, unlimited, gratis, 200, "", ""},
		} {
			time.Sleep(step.after)
			r := with(step.secret)
			r.Header.Set("Cost", strconv.FormatInt(step.cost, 10))
			w := serve(protected, r)
			require.Equal(t, step.status, w.Code, "%+v", step)
			require.Equal(t, step.limits, w.Header().Get("RateLimit"), "%+v", step)
			require.Equal(t, step.retry, w.Header().Get("Retry-After"), "%+v", step)
			if step.cost == 11 {
				require.Contains(t, w.Body.String(), `"violated-policies":["tokens/day"]`, "the throttle may be waited for")
			} else if step.status == 429 {
				require.Contains(t, w.Body.String(), `"violated-policies":["`, "%+v", step)
			}
		}
	})
}

// TestID checks that a request with an ID is charged once, however often it is retried.
func TestID(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	mw := h.middleware(middleware.Config{ID: func(r *http.Request) string { return r.Header.Get("Idempotency-Key") }})
	named := func(id string) *http.Request {
		r := with(secret)
		r.Header.Set("Idempotency-Key", id)
		return r
	}
	require.Equal(t, 200, status(mw.Handler(ok), named("a")))
	require.Equal(t, 200, status(mw.Handler(ok), named("a")))
	require.True(t, mw.Check(named("a")).Decision.Repeated)
	require.Equal(t, 429, status(mw.Handler(ok), named("b")))
	require.Equal(t, 429, status(mw.Handler(ok), named("")))
	require.Equal(t, 500, status(mw.Handler(ok), named(strings.Repeat("x", gate.MaxID+1))))
}
