package gate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestPlanComesBack creates the plan of a dead link again. The key is admitted at once.
func TestPlanComesBack(t *testing.T) {
	for _, access := range []bool{true, false} {
		h := newTree(t, func(cfg *parts) {
			cfg.MaxAge = time.Hour
			if !access {
				cfg.Keys = struct {
					apikey.Store
					usageplan.Notifier
				}{cfg.Keys, cfg.Keys.(usageplan.Notifier)}
			}
		})
		h.days(map[string]int64{"key": 5, "org": 50})
		h.group("acme org")
		h.member("k", "acme", "key")
		require.True(t, h.admit(gate.Request{KeyID: "k"}).Allowed)
		require.NoError(t, h.st.DeletePlan(t.Context(), "key", 0))
		require.Equal(t, gate.NoPlan, h.admit(gate.Request{KeyID: "k"}).Reason)
		h.days(map[string]int64{"key": 5})
		require.Equal(t, gate.Admitted, h.admit(gate.Request{KeyID: "k"}).Reason, "access %v", access)
	}
}
