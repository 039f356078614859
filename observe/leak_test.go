package observe_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestNothingShowsASecret prints every exported struct after refusals, and looks in the
// output for the secret of the key.
func TestNothingShowsASecret(t *testing.T) {
	counts, log := observe.NewCounts(observe.CountsConfig{}), observe.NewLog(slog.New(slog.DiscardHandler), observe.LogConfig{})
	f := newFixture(t, gate.Observers{counts, log}, gate.Config{})
	_, secret := f.key(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1, Period: quota.Day}}})
	for range 2 {
		_, err := f.gate.Admit(t.Context(), gate.Request{Secret: secret})
		require.NoError(t, err)
	}
	s := counts.Snapshot()
	values := map[string]any{
		"Counts": counts, "CountsConfig": observe.CountsConfig{}, "Snapshot": s, "DecisionCount": s.Decisions[0], "LimitCount": s.Limits[0], "KeyCount": s.Keys[0],
		"Log": log, "LogConfig": observe.LogConfig{}, "Busy": observe.Busy{}, "Logins": observe.Logins{},
	}
	leak.Complete(t, values)
	leak.Check(t, string(secret)[4:36], values)
}
