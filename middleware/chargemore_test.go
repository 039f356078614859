package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// TestChargeMore charges the parts of one request, until a limit of their unit refuses.
// The request itself has used up its own limits.
func TestChargeMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := new(refusalLog)
		h := newFixture(t, func(cfg *parts) {
			cfg.Units, cfg.Observer = usageplan.Units{{Name: "bytes"}, {Name: "words"}}, seen
		})
		key, secret := h.key(&usageplan.Plan{
			Throttles: []usageplan.Throttle{must(usageplan.ParseThrottle("10 bytes/s burst 100"))},
			Quotas:    []quota.Quota{quota.MustParse("1/day"), quota.MustParse("150 bytes/day")},
		})
		mw := h.middleware(middleware.Config{Costs: func(*http.Request) usageplan.Costs { return usageplan.Costs{0, 1} }})
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
		r.Header.Set("X-API-Key", secret)
		res := mw.Check(r)
		require.True(t, res.Allowed())

		for i, step := range []struct {
			after  time.Duration
			bytes  int64
			reason gate.Reason
			wait   time.Duration
			used   int64 // bytes of the day
		}{
			{bytes: 60, reason: gate.Admitted, used: 60},
			{bytes: 50, reason: gate.Throttled, used: 60, wait: time.Second}, // the one request of the day does not matter
			{bytes: 40, reason: gate.Admitted, used: 100},
			{after: 5 * time.Second, bytes: 50, reason: gate.Admitted, used: 150},
			{bytes: 0, reason: gate.Admitted, used: 150},
			{after: time.Minute, bytes: 1, reason: gate.QuotaExceeded, wait: 24*time.Hour - 65*time.Second, used: 150},
			{bytes: 101, reason: gate.NeverFits, wait: store.Never, used: 150},
			{bytes: -1, reason: gate.Invalid, used: 150},
		} {
			time.Sleep(step.after)
			more := mw.ChargeMore(r, &res.Decision, usageplan.Costs{step.bytes})
			require.Equal(t, step.reason, more.Decision.Reason, i)
			require.Equal(t, step.reason == gate.Admitted, more.Allowed(), i)
			require.Equal(t, step.wait, more.Decision.RetryAfter, i)
			days, err := h.gate.UsageByDay(t.Context(), res.Decision.Plan.ID, key.ID, "bytes", 1)
			require.NoError(t, err)
			require.Equal(t, step.used, days[0].Used, i)
		}

		require.Equal(t, []gate.Reason{gate.Throttled, gate.QuotaExceeded, gate.NeverFits}, seen.reasons)

		_, err := h.keys.Disable(t.Context(), key.ID)
		require.NoError(t, err)
		require.Equal(t, http.StatusUnauthorized, mw.ChargeMore(r, &res.Decision, usageplan.Costs{}).Status)
		require.True(t, mw.ChargeMore(r, new(gate.Decision), usageplan.Costs{1}).Skipped, "a request without a decision")
	})
}

// refusalLog is an Observer that notes why limits refused, except in a Peek.
type refusalLog struct{ reasons []gate.Reason }

func (r *refusalLog) Decided(_ context.Context, d gate.Decided) {
	if _, refused := d.Outcome.RefusedBy(); refused && !d.Outcome.Peeked {
		r.reasons = append(r.reasons, d.Outcome.Reason)
	}
}

func (*refusalLog) Corrected(context.Context, gate.Corrected) {}

// TestChargeMoreOfARequiredUnit leaves out the costs of a unit that every request has.
func TestChargeMoreOfARequiredUnit(t *testing.T) {
	h := newFixture(t, func(cfg *parts) {
		cfg.Units = usageplan.Units{{Name: "bytes"}, {Name: "words", Required: true}}
	})
	_, secret := h.key(&usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("9 bytes/day")}})
	mw := h.middleware(middleware.Config{Costs: func(*http.Request) usageplan.Costs { return usageplan.Costs{0, 1} }})
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
	r.Header.Set("X-API-Key", secret)
	res := mw.Check(r)

	require.True(t, mw.ChargeMore(r, &res.Decision, usageplan.Costs{9}).Allowed())
	require.Equal(t, http.StatusTooManyRequests, mw.ChargeMore(r, &res.Decision, usageplan.Costs{1}).Status)
}

// TestChargeMoreInAnOutage refuses costs that cannot be counted.
func TestChargeMoreInAnOutage(t *testing.T) {
	h := newFixture(t, func(cfg *parts) {
		cfg.Units = usageplan.Units{{Name: "bytes"}}
		cfg.Counter = storetest.Faulty(cfg.Counter, storetest.Fault{Take: 2, Err: store.ErrNotTaken})
	})
	_, secret := h.key(&usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("150 bytes/day")}})
	mw := h.middleware(middleware.Config{})
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
	r.Header.Set("X-API-Key", secret)
	res := mw.Check(r)
	require.True(t, res.Allowed())

	more := mw.ChargeMore(r, &res.Decision, usageplan.Costs{1})

	require.Equal(t, http.StatusServiceUnavailable, more.Status)
	require.ErrorIs(t, more.Err, store.ErrNotTaken)
}

// TestChargeMoreByRoute charges further costs in the handler of a route, however the
// middleware knows the route. The limits of the route and of the class decide, and the
// key needs the scope of the route as long as the stream goes on.
func TestChargeMoreByRoute(t *testing.T) {
	const route = "GET /streams/{id}"
	cfg := middleware.Config{
		RouteScopes: map[string]string{route: "streams:read"},
		Class:       func(*http.Request) string { return "video" },
	}
	inMux := func(h http.Handler) *http.ServeMux {
		mux := http.NewServeMux()
		mux.Handle(route, h)
		return mux
	}
	for name, front := range map[string]func(h *fixture, next http.Handler) (*middleware.Middleware, http.Handler){
		"the mux inside": func(h *fixture, next http.Handler) (*middleware.Middleware, http.Handler) {
			mw := h.middleware(cfg)
			return mw, mw.Handler(inMux(next))
		},
		"Config.Mux": func(h *fixture, next http.Handler) (*middleware.Middleware, http.Handler) {
			cfg := cfg
			cfg.Mux = inMux(next)
			mw := h.middleware(cfg)
			return mw, mw.Handler(next)
		},
		"ServeRoute": func(h *fixture, next http.Handler) (*middleware.Middleware, http.Handler) {
			mw := h.middleware(cfg)
			return mw, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mw.ServeRoute(w, r, "GET /streams/:id", next) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t, func(cfg *parts) { cfg.Units = usageplan.Units{{Name: "bytes"}} })
			key, secret := h.key(&usageplan.Plan{For: map[string]usageplan.Limits{
				route:   {Quotas: []quota.Quota{quota.MustParse("30 bytes/day as route")}},
				"video": {Quotas: []quota.Quota{quota.MustParse("20 bytes/day as class")}},
			}})
			scopes := func(all ...string) {
				_, err := h.keys.Update(t.Context(), key.ID, func(k *apikey.Key) error { k.Scopes = all; return nil })
				require.NoError(t, err)
			}
			scopes("streams:read")
			var mw *middleware.Middleware
			served := false
			var app http.Handler
			mw, app = front(h, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				d, ok := middleware.DecisionFromContext(r.Context())
				require.True(t, ok)
				for i, step := range []struct {
					bytes  int64
					scopes []string
					status int
					limit  string // that refused
				}{
					{20, nil, 0, ""},
					{1, nil, http.StatusTooManyRequests, "video class"},
					{11, nil, http.StatusTooManyRequests, "video class"},
					{0, []string{"other"}, http.StatusForbidden, ""},
					{0, []string{"streams:read"}, 0, ""},
				} {
					if step.scopes != nil {
						scopes(step.scopes...)
					}
					more := mw.ChargeMore(r, d, usageplan.Costs{step.bytes})
					require.NoError(t, more.Err, i)
					require.Equal(t, step.status, more.Status, "%d: %v", i, more.Decision.Reason)
					names := map[string]bool{}
					for l := range more.Decision.Refusals() {
						names[l.Name] = true
					}
					require.Equal(t, step.limit != "", names[step.limit], "%d: %v", i, names)
					require.Equal(t, step.bytes == 11, names[route+" route"], "%d: %v", i, names)
					if step.status == http.StatusForbidden {
						w := httptest.NewRecorder()
						more.WriteProblem(w)
						require.Contains(t, w.Header().Get("WWW-Authenticate"), `scope="streams:read"`)
					}
				}
				served = true
			}))

			require.Equal(t, http.StatusOK, status(app, request("GET", "/streams/7", "X-API-Key", secret)))
			require.True(t, served)
		})
	}
}

// TestChargeMoreOfAnUnknownRoute answers further costs of a request whose scope cannot be
// known as Check answers such a request.
func TestChargeMoreOfAnUnknownRoute(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	res := h.middleware(middleware.Config{}).Check(with(secret))
	require.True(t, res.Allowed())
	mw := h.middleware(middleware.Config{RouteScopes: map[string]string{"GET /": "read"}})

	more := mw.ChargeMore(with(secret), &res.Decision, usageplan.Costs{})

	require.Equal(t, http.StatusInternalServerError, more.Status)
	require.Error(t, more.Err)
}
