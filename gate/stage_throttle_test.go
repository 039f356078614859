package gate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// TestStageThrottleIsOne checks that all methods of a stage share one bucket. In
// Amazon API Gateway each method has one.
func TestStageThrottleIsOne(t *testing.T) {
	prod := usageplan.Stage{API: "pets", Name: "prod"}
	h := newFixture(t, func(cfg *parts) {
		cfg.Stages = map[usageplan.Stage]limiter.Limit{prod: {Rate: 0.001, Burst: 2}}
	})
	_, secret, _ := h.linked(usageplan.Plan{})
	at := time.Now()
	for i, route := range []string{"GET /pets", "POST /pets", "GET /cats"} {
		d := h.admit(gate.Request{Secret: secret, API: "pets", Stage: "prod", Route: route, At: at})
		require.Equal(t, i < 2, d.Allowed, route)
	}
	require.True(t, h.admit(gate.Request{Secret: secret, API: "pets", Stage: "dev", Route: "GET /pets", At: at}).Allowed)
}
