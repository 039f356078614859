package middleware

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// TestWatchIsBounded checks that the memory of the watch is bounded, however many
// patterns a Config.Route makes up and however many plans there are.
func TestWatchIsBounded(t *testing.T) {
	w := newRouteWatch(Config{Logger: slog.New(slog.DiscardHandler), Public: []string{"GET /health"}}, new(knownRoutes), func(gate.Mistake) {})
	plan := func(i int) *usageplan.Plan {
		return &usageplan.Plan{ID: fmt.Sprint(i), Routes: map[string]limiter.Limit{"GET /pets": {}}}
	}
	r := httptest.NewRequest("GET", "/dogs", nil)
	for i := range 2 * maxSeen {
		w.observe(r, nil, fmt.Sprintf("GET /dogs/%d", i), plan(0))
	}
	for i := range 2 * maxPlans {
		w.observe(r, nil, "GET /dogs", plan(i))
	}
	n, _ := w.plans.get("0")
	require.Len(t, *n.hidden.entries.Load(), maxSeen)
	require.Len(t, *(*w.fields.Load())[0].hidden.entries.Load(), maxSeen)
	require.Len(t, *w.plans.entries.Load(), maxPlans)
	require.Zero(t, testing.AllocsPerRun(100, func() { w.observe(r, nil, "GET /other", plan0) }))
}

var plan0 = &usageplan.Plan{ID: "0", Routes: map[string]limiter.Limit{"GET /pets": {}}}
