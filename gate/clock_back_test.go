package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// TestRetryAfterClockBack charges a throttle by a clock that is an hour ahead and then
// steps back. The bucket refills when the clock is there again. Admit and Peek return
// that time as RetryAfter, and a request at that time is admitted.
func TestRetryAfterClockBack(t *testing.T) {
	for name, test := range map[string]struct {
		plan   usageplan.Plan
		change func(*parts)
	}{
		"plan":    {usageplan.Plan{Throttle: throttle(10, 1)}, func(*parts) {}},
		"account": {usageplan.Plan{}, func(cfg *parts) { cfg.Account = &limiter.Limit{Rate: 10, Burst: 1} }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFixture(t, test.change)
				_, secret, _ := h.linked(test.plan)
				ahead := time.Now().Add(time.Hour)
				require.True(t, h.admit(gate.Request{Secret: secret, At: ahead}).Allowed)
				for _, passes := range []time.Duration{0, 20 * time.Minute, 40*time.Minute + 90*time.Millisecond} {
					time.Sleep(passes)
					due := time.Until(ahead.Add(100 * time.Millisecond))
					require.Equal(t, due, h.admit(gate.Request{Secret: secret}).RetryAfter, "Admit")
					d, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
					require.NoError(t, err)
					require.False(t, d.Allowed)
					require.Equal(t, due, d.RetryAfter, "Peek")
				}
				time.Sleep(10 * time.Millisecond)
				require.True(t, h.admit(gate.Request{Secret: secret}).Allowed)
			})
		})
	}
}
