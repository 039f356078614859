package middleware_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestSettle corrects requests in their handler. The limits count the request and its
// actual costs. A second correction changes nothing.
func TestSettle(t *testing.T) {
	type costs = usageplan.Costs
	settle := func(actual costs) func(context.Context) error {
		return func(ctx context.Context) error { return middleware.Settle(ctx, actual) }
	}
	estimate := func(*http.Request) costs { return costs{10, 5} }
	for name, c := range map[string]struct {
		free    bool
		correct func(context.Context) error
		used    []int64 // requests, tokens, images
	}{
		"less":              {false, settle(costs{3, 1}), []int64{1, 3, 1}},
		"the same":          {false, settle(costs{10, 5}), []int64{1, 10, 5}},
		"more":              {false, settle(costs{40, 5}), []int64{1, 40, 5}},
		"above the quota":   {false, settle(costs{170, 6}), []int64{1, 170, 6}},
		"nothing":           {false, settle(costs{}), []int64{1, 0, 0}},
		"refund":            {false, middleware.Refund, []int64{0, 0, 0}},
		"of a free request": {true, settle(costs{3, 1}), []int64{0, 3, 1}},
		"refund of nothing": {true, middleware.Refund, []int64{0, 0, 0}},
	} {
		h := newFixture(t, func(cfg *parts) { cfg.Units = usageplan.Units{{Name: "tokens", Required: true}, {Name: "images"}} })
		key, secret := h.key(&usageplan.Plan{Quotas: []quota.Quota{
			quota.MustParse("9/year"), quota.MustParse("100 tokens/year"), quota.MustParse("100 images/year"),
		}})
		mw := h.middleware(middleware.Config{Costs: estimate, Free: func(*http.Request) bool { return c.free }})
		handler := mw.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			require.NoError(t, c.correct(r.Context()))
			require.NoError(t, middleware.Settle(r.Context(), costs{99, 99}))
			require.NoError(t, middleware.Refund(r.Context()))
		}))
		require.Equal(t, 200, serve(handler, with(secret)).Code)
		d, err := h.gate.Peek(t.Context(), gate.Request{KeyID: key.ID})
		require.NoError(t, err)
		for i, want := range c.used {
			require.Equal(t, want, d.Level(i).Used, "%s: %s", name, d.Limits()[i].Unit)
		}
	}
}

// TestSettleWithout corrects in contexts without a decision.
func TestSettleWithout(t *testing.T) {
	for name, correct := range map[string]func(context.Context) error{
		"settle": func(ctx context.Context) error { return middleware.Settle(ctx, usageplan.Costs{1}) },
		"refund": middleware.Refund,
	} {
		require.ErrorIs(t, correct(t.Context()), middleware.ErrNoDecision, name)
		require.NoError(t, correct(middleware.NewContext(t.Context(), &gate.Decision{})), name)
		h := newFixture(t)
		mw := h.middleware(middleware.Config{Public: []string{"GET /health"}})
		mux := http.NewServeMux()
		mux.HandleFunc("GET /health", func(_ http.ResponseWriter, r *http.Request) {
			require.ErrorIs(t, correct(r.Context()), middleware.ErrNoDecision, name)
		})
		require.Equal(t, 200, status(mw.Handler(mux), request("GET", "/health")))
	}
}

// TestSettleInvalid checks that the handler gets an error for impossible costs, and can
// settle the request afterwards.
func TestSettleInvalid(t *testing.T) {
	h := newFixture(t, inTokens)
	key, secret := h.key(&usageplan.Plan{Quotas: tokensPerDay(9)})
	handler := h.middleware(middleware.Config{}).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, costs := range []usageplan.Costs{{-1}, {1 << 53}, {1, 1}} { // the last has a unit that is not declared
			require.ErrorIs(t, middleware.Settle(r.Context(), costs), gate.ErrInvalid)
		}
		require.NoError(t, middleware.Settle(r.Context(), usageplan.Costs{4}))
	}))
	require.Equal(t, 200, serve(handler, with(secret)).Code)
	require.Equal(t, int64(4), used(t, h, key.ID))
}
