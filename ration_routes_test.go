package ration_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// TestRoutes checks that the Plans of a Ration ask its Middleware for routes.
func TestRoutes(t *testing.T) {
	r := newRation(t, ration.Config{})
	limit := limiter.MustParse("1/s")
	_, err := r.Plans.Create(t.Context(), usageplan.Plan{ID: "free", Routes: map[string]limiter.Limit{"GET /reports/{id}": limit, "GET /pets/{id}": limit}})
	require.NoError(t, err)
	faults, err := r.Plans.RouteFaults(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults, "nothing is known of routes")

	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/pets/{id}", func(http.ResponseWriter, *http.Request) {})
	_ = r.Handler(mux)
	r.Middleware.AddRoutes("GET /reports/:id")
	faults, err = r.Plans.RouteFaults(t.Context())
	require.NoError(t, err)
	require.Equal(t, []usageplan.PlanRoute{{PlanID: "free", Route: "GET /pets/{id}", Fault: "no router has it"}}, faults)
}
