package middleware_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestSettle settles requests in their handler. The actual cost is counted, and a second
// call changes nothing.
func TestSettle(t *testing.T) {
	for _, c := range []struct{ estimate, actual, used int64 }{{10, 3, 3}, {10, 10, 10}, {10, 40, 40}, {10, 0, 0}} {
		h := newFixture(t)
		key, secret := h.key(&usageplan.Plan{Quotas: []quota.Quota{{Limit: 100, Period: quota.Year}}})
		mw := h.middleware(middleware.Config{Cost: func(*http.Request) int64 { return c.estimate }})
		handler := mw.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			require.NoError(t, middleware.Settle(r.Context(), c.actual))
			require.NoError(t, middleware.Settle(r.Context(), 99))
		}))
		require.Equal(t, 200, serve(handler, with(secret)).Code)
		d, err := h.gate.Peek(t.Context(), gate.Request{KeyID: key.ID})
		require.NoError(t, err)
		require.Equal(t, c.used, d.Level(0).Used, "%+v", c)
	}
}

// TestSettleWithout settles in a context without a decision.
func TestSettleWithout(t *testing.T) {
	require.ErrorIs(t, middleware.Settle(t.Context(), 1), middleware.ErrNoDecision)
	require.NoError(t, middleware.Settle(middleware.NewContext(t.Context(), &gate.Decision{}), 1))
	h := newFixture(t)
	mw := h.middleware(middleware.Config{Public: []string{"GET /health"}})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(_ http.ResponseWriter, r *http.Request) {
		require.ErrorIs(t, middleware.Settle(r.Context(), 1), middleware.ErrNoDecision)
	})
	require.Equal(t, 200, status(mw.Handler(mux), request("GET", "/health")))
}

// TestSettleInvalid checks that the handler gets an error for an impossible cost.
func TestSettleInvalid(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	handler := h.middleware(middleware.Config{}).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.ErrorIs(t, middleware.Settle(r.Context(), -1), gate.ErrInvalid)
	}))
	require.Equal(t, 200, serve(handler, with(secret)).Code)
}
