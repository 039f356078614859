package usageplan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestRouteFaults has plans whose routes the service knows, does not have, and has not
// seen.
func TestRouteFaults(t *testing.T) {
	st := memory.New(memory.Config{})
	prod := usageplan.Stage{API: "pets", Name: "prod"}
	plans := must(usageplan.NewService(st, st, usageplan.Config{CheckRoute: func(stage usageplan.Stage, route string) (string, bool) {
		switch route {
		case "GET /wrong":
			return "no router has it", false
		case "GET /rare":
			return "", false
		case "GET /staged":
			if stage == prod {
				return "no router of the stage has it", false
			}
		case usageplan.AnyRoute, "opus":
			t.Errorf("%s is no single route", route)
		}
		return "", true
	}}))
	limit := limiter.MustParse("1/s")
	daily := usageplan.Limits{Quotas: []quota.Quota{quota.MustParse("1/day")}}
	for _, p := range []usageplan.Plan{
		{ID: "a", Routes: map[string]limiter.Limit{"GET /right": limit, "GET /wrong": limit, "GET /rare": limit, usageplan.AnyRoute: limit}},
		{ID: "b", For: map[string]usageplan.Limits{"GET /wrong": daily, "opus": daily}},
		{ID: "c", StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{prod: {"GET /staged": limit, usageplan.AnyRoute: limit}}, Routes: map[string]limiter.Limit{"GET /staged": limit}},
		{ID: "d"},
	} {
		_, err := plans.Create(t.Context(), p)
		require.NoError(t, err)
	}
	faults := []usageplan.PlanRoute{
		{PlanID: "a", Route: "GET /wrong", Fault: "no router has it"},
		{PlanID: "b", Route: "GET /wrong", Fault: "no router has it"},
		{PlanID: "c", Stage: prod, Route: "GET /staged", Fault: "no router of the stage has it"},
	}
	got, err := plans.RouteFaults(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, faults, got)

	report, err := plans.Audit(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, faults, report.RoutesWithoutEffect)
	require.Equal(t, []usageplan.PlanRoute{{PlanID: "a", Route: "GET /rare"}}, report.UnseenRoutes)
}

// TestRouteFaultsWithout has a Service that knows nothing of routes.
func TestRouteFaultsWithout(t *testing.T) {
	st := memory.New(memory.Config{})
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	_, err := plans.Create(t.Context(), usageplan.Plan{Routes: map[string]limiter.Limit{"GET /any": limiter.MustParse("1/s")}})
	require.NoError(t, err)
	faults, err := plans.RouteFaults(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults)
	report, err := plans.Audit(t.Context())
	require.NoError(t, err)
	require.Empty(t, report.RoutesWithoutEffect)
	require.Empty(t, report.UnseenRoutes)
}
