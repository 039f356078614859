package gate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestNoLevelsOfOthers lets the Counter fail after it has decided for another key. The
// Outcome has no levels, and above all not those of the other key.
func TestNoLevelsOfOthers(t *testing.T) {
	var down bool
	h := newTokens(t, func(cfg *parts) {
		cfg.Counter = fails{cfg.Counter, func(*store.Charge) bool { return down }}
	})
	_, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(10)})
	_, other, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(10)})
	first := h.admit(gate.Request{Secret: other, Costs: costs(7)})
	require.EqualValues(t, 7, first.Level(0).Used)
	down = true
	d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
	require.ErrorIs(t, err, errBroken)
	require.Zero(t, d.Level(0))
}

// TestStageNames has an API whose name begins as the bucket name of a link does.
func TestStageNames(t *testing.T) {
	stage := usageplan.Stage{API: "of pets", Name: "prod"}
	h := newFixture(t)
	_, secret, _ := h.linked(usageplan.Plan{StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{stage: {"GET /x": {Rate: 1, Burst: 1}}}})
	d := h.admit(gate.Request{Secret: secret, API: stage.API, Stage: stage.Name, Route: "GET /x"})
	require.Equal(t, "throttle \"of pets:prod\" GET /x", d.Limits()[0].Name)
}

// TestStageNamesApart has two stages whose names, joined with those of their routes,
// would be equal.
func TestStageNamesApart(t *testing.T) {
	one := limiter.Limit{Rate: 1e-8, Burst: 1}
	h := newFixture(t)
	routes := map[usageplan.Stage]map[string]limiter.Limit{
		{API: "pets", Name: "prod"}:     {"GET /x": one},
		{API: "pets", Name: "prod GET"}: {"/x": one},
	}
	_, secret, _ := h.linked(usageplan.Plan{StageRoutes: routes})
	for stage, limits := range routes {
		for route := range limits {
			for _, want := range []bool{true, false} {
				require.Equal(t, want, h.admit(gate.Request{Secret: secret, API: stage.API, Stage: stage.Name, Route: route}).Allowed, stage)
			}
		}
	}
}
