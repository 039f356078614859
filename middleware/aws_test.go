package middleware_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// both returns a handler that gives h a second credential.
func both(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-API-Key", "x")
		h.ServeHTTP(w, r)
	})
}

// TestAWS checks how WriteAWS answers each way in which a request can end. The bubble
// begins at midnight.
func TestAWS(t *testing.T) {
	const (
		forbidden = `ForbiddenException {"message":"Forbidden"}`
		many      = `TooManyRequestsException {"message":"Too Many Requests"}`
		exceeded  = `LimitExceededException {"message":"Limit Exceeded"}`
	)
	synctest.Test(t, func(t *testing.T) {
		h, broken := newFixture(t), newFixture(t, func(cfg *parts) {
			cfg.Counter = storetest.Faulty(cfg.Counter, storetest.Fault{Err: errBroken})
		})
		cfg := middleware.Config{Refuse: func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) { res.WriteAWS(w) }}
		plan := &usageplan.Plan{Throttle: throttle(0.5, 2), Quotas: perDay(3)}
		_, good := h.key(plan)
		_, unlinked := h.key(nil)
		_, blocked := h.key(&usageplan.Plan{Throttle: &limiter.Limit{}, Quotas: perDay(3)})
		_, nothing := h.key(&usageplan.Plan{Quotas: perDay(0)})
		k, disabled := h.key(plan)
		_, err := h.keys.Disable(t.Context(), k.ID)
		require.NoError(t, err)
		_, failing := broken.key(&usageplan.Plan{Quotas: perDay(3)})
		mistaken := cfg
		mistaken.Costs = using(-1)

		protected := h.middleware(cfg).Handler(ok)
		for _, step := range []struct {
			after   time.Duration
			what    string
			handler http.Handler
			secret  string
			status  int
			answer  string
			retry   string
		}{
			{0, "one", protected, good, 200, " ", ""},
			{0, "two", protected, good, 200, " ", ""},
			{0, "no token", protected, good, 429, many, "2"},
			{2 * time.Second, "a token", protected, good, 200, " ", ""},
			{4 * time.Second, "the quota", protected, good, 429, exceeded, "86394"},
			{0, "a plan that blocks", protected, blocked, 429, many, ""},
			{0, "a quota of none", protected, nothing, 429, exceeded, ""},
			{0, "no plan", protected, unlinked, 403, forbidden, ""},
			{0, "disabled", protected, disabled, 403, forbidden, ""},
			{0, "unknown", protected, "unknown", 403, forbidden, ""},
			{0, "two keys", both(protected), good, 403, forbidden, ""},
			{0, "a mistake", h.middleware(mistaken).Handler(ok), good, 500, `InternalServerErrorException {"message":"Internal server error"}`, ""},
			{0, "a store", broken.middleware(cfg).Handler(ok), failing, 503, `ServiceUnavailableException {"message":"Service Unavailable"}`, "1"},
		} {
			time.Sleep(step.after)
			w := serve(step.handler, with(step.secret))
			require.Equal(t, step.status, w.Code, step.what)
			require.Equal(t, step.answer, w.Header().Get("X-Amzn-ErrorType")+" "+w.Body.String(), step.what)
			require.Equal(t, step.retry, w.Header().Get("Retry-After"), step.what)
			require.Empty(t, w.Header().Get("WWW-Authenticate"), step.what)
			if step.status != 200 {
				require.Equal(t, "application/json", w.Header().Get("Content-Type"), step.what)
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"), step.what)
				require.NotEmpty(t, w.Header().Get("X-Amzn-RequestId"), step.what)
			}
			require.Equal(t, step.status == 429, w.Header().Get("RateLimit") != "" && step.status != 200, step.what)
		}
	})
}
