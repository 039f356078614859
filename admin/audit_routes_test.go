package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// TestAuditRoutes checks that the audit shows the routes that have no effect.
func TestAuditRoutes(t *testing.T) {
	f := newFixture(t)
	limit := limiter.MustParse("1/s")
	_, err := f.plans.Create(t.Context(), usageplan.Plan{ID: "free", Routes: map[string]limiter.Limit{"GET /right": limit, "GET /wrong": limit, "GET /rare": limit}})
	require.NoError(t, err)
	found := f.audit()
	require.Equal(t, []string{"free: GET /wrong: no router has it"}, found["Routes without effect"])
	require.Equal(t, []string{"free: GET /rare"}, found["Routes that no request has had"])
}
