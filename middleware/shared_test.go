package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

const reducedCapacity = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"

// TestSharedRefusal checks that a client learns that a shared limit refused. Its own
// allowance, of which much remains, would contradict that and is not shown.
func TestSharedRefusal(t *testing.T) {
	pets := usageplan.Stage{API: "pets", Name: "prod"}
	slow, closed := limiter.Limit{Rate: 0.001, Burst: 1}, limiter.Limit{}
	for name, c := range map[string]struct {
		gate       gate.Config
		first      int
		status     int
		typ, title string
		detail     string
		retryAfter string
	}{
		"account": {gate.Config{Account: &slow}, 200, 429, reducedCapacity, "Temporary Reduced Capacity",
			"A limit that all clients of this service share is reached. Try again in 1000 s.", "1000"},
		"stage": {gate.Config{Stages: map[usageplan.Stage]limiter.Limit{pets: slow}}, 200, 429, reducedCapacity, "Temporary Reduced Capacity",
			"A limit that all clients of this API share is reached. Try again in 1000 s.", "1000"},
		"account, closed": {gate.Config{Account: &closed}, 403, 403, "about:blank", "Forbidden",
			"A limit that all clients of this service share can never allow this request.", ""},
		"stage, closed": {gate.Config{Stages: map[usageplan.Stage]limiter.Limit{pets: closed}}, 403, 403, "about:blank", "Forbidden",
			"A limit that all clients of this API share can never allow this request.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFixture(t, func(cfg *parts) { cfg.Account, cfg.Stages = c.gate.Account, c.gate.Stages })
				_, secret := h.key(&usageplan.Plan{Throttle: throttle(10, 10), Quotas: perDay(100)})
				for _, kind := range []middleware.XRateLimit{middleware.XRateLimitSeconds, middleware.XRateLimitUnix} {
					mw := h.middleware(middleware.Config{API: pets.API, Stage: pets.Name, XRateLimit: kind}).Handler(ok)
					if kind == middleware.XRateLimitSeconds {
						w := serve(mw, with(secret))
						require.Equal(t, c.first, w.Code)
						require.Equal(t, c.first == 200, w.Header().Get("RateLimit") != "", "an admitted request shows the key's own limits")
					}
					w := serve(mw, with(secret))
					require.Equal(t, c.status, w.Code)
					require.Equal(t, c.retryAfter, w.Header().Get("Retry-After"))
					for field := range w.Header() {
						require.NotContains(t, strings.ToLower(field), "ratelimit", "%v", w.Header())
					}
					var body map[string]any
					require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
					require.Equal(t, map[string]any{"type": c.typ, "title": c.title, "status": float64(c.status), "detail": c.detail,
						"limits": []any{map[string]any{"payer": strings.TrimSuffix(name, ", closed"), "limit": "throttle"}}}, body)
				}
			})
		})
	}
}

// TestSharedFailure checks that no limits are shown beside the 503 after the count of a
// shared throttle failed.
func TestSharedFailure(t *testing.T) {
	h := newFixture(t, func(cfg *parts) {
		cfg.Counter = apart{cfg.Counter}
		cfg.Account, cfg.OnFailure.Throttle = throttle(1, 1), gate.FailClosed
	})
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(100)})
	w := serve(h.middleware(middleware.Config{}).Handler(ok), with(secret))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Empty(t, w.Header().Get("RateLimit"))
}

// apart is a Counter that fails for the account.
type apart struct{ store.Counter }

func (a apart) Take(ctx context.Context, c *store.Charge) error {
	for i := range c.Parts {
		if c.Parts[i].Subject == "\xffaccount" {
			return errors.New("no answer")
		}
	}
	return a.Counter.Take(ctx, c)
}

// TestLocalRefusal has a token bucket of this process refuse, since the Counter fails.
// The body names the limit and its payer. It names no policy, because the header shows
// none.
func TestLocalRefusal(t *testing.T) {
	h := newFixture(t, func(cfg *parts) { cfg.Counter = storetest.Faulty(cfg.Counter, storetest.Fault{Err: errBroken}) })
	_, secret := h.key(&usageplan.Plan{Throttle: throttle(0.001, 1)})
	mw := h.middleware(middleware.Config{}).Handler(ok)
	require.Equal(t, 200, status(mw, with(secret)))
	w := serve(mw, with(secret))
	require.Equal(t, 429, w.Code)
	require.Empty(t, w.Header().Get("RateLimit-Policy"))
	require.Contains(t, w.Body.String(), `"limits":[{"payer":"key","limit":"throttle"}]`)
	require.NotContains(t, w.Body.String(), "violated-policies")
}
