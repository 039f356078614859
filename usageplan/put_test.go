package usageplan_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestPut starts a service several times. The first start creates the plan. Later starts
// write it only if it differs.
func TestPut(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	want := func(limit int64) usageplan.Plan {
		return usageplan.Plan{
			ID: "free", Name: "Free", Throttle: throttle(5, 10),
			Quotas: []quota.Quota{{Limit: limit, Period: quota.Day, Location: berlin}},
			Routes: map[string]limiter.Limit{"GET /a": limiter.PerSecond(1)}, Tags: apikey.Tags{"a": "b"},
		}
	}
	for _, start := range []struct {
		plan    usageplan.Plan
		version int64
	}{
		{want(100), 1},
		{want(100), 1},
		{want(200), 2},
		{want(200), 2},
		{usageplan.Plan{ID: "free"}, 3},
		{usageplan.Plan{ID: "free", Version: 99, Routes: map[string]limiter.Limit{}, Stages: []usageplan.Stage{}, Tags: apikey.Tags{},
			Throttles: []usageplan.Throttle{}, Quotas: []quota.Quota{}, StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{}}, 3},
	} {
		put, err := h.plans.Put(ctx, start.plan)
		require.NoError(t, err)
		got, err := h.plans.Get(ctx, "free")
		require.NoError(t, err)
		assert.Equal(t, got, put)
		assert.Equal(t, start.version, got.Version)
		assert.Equal(t, start.plan.Throttle, got.Throttle)
	}
	for _, bad := range []usageplan.Plan{{}, {ID: "free", Quotas: []quota.Quota{{Limit: -1, Period: quota.Day}}}} {
		_, err := h.plans.Put(ctx, bad)
		require.ErrorIs(t, err, usageplan.ErrInvalid)
	}
	got, err := h.plans.Get(ctx, "free")
	require.NoError(t, err)
	assert.EqualValues(t, 3, got.Version, "a fault changes nothing")
}

// TestPutAtOnce starts eight processes at the same time.
func TestPutAtOnce(t *testing.T) {
	h := newFixture(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := h.plans.Put(t.Context(), usageplan.Plan{ID: "free", Throttle: throttle(5, 10)})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	p, err := h.plans.Get(t.Context(), "free")
	require.NoError(t, err)
	assert.EqualValues(t, 1, p.Version)
}

// TestPutKeeps checks that Put keeps the links of a plan and the use of its keys.
func TestPutKeeps(t *testing.T) {
	h := newFixture(t)
	key, secret, _ := h.linked(usageplan.Plan{ID: "free", Quotas: perDay(2)})
	require.True(t, h.admit(gate.Request{Secret: secret}).Allowed)
	_, err := h.plans.Put(t.Context(), usageplan.Plan{ID: "free", Quotas: perDay(1)})
	require.NoError(t, err)
	assert.Equal(t, gate.QuotaExceeded, h.reason(secret))
	links, err := h.plans.KeyLinks(t.Context(), key.ID)
	require.NoError(t, err)
	assert.Len(t, links, 1)
}
