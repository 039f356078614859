package gate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

// counters returns the stores that a test of the Gate runs over.
func counters(t *testing.T) map[string]store.Counter {
	st, err := redis.Open("redis://"+redistest.Start(t), redis.Config{})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	return map[string]store.Counter{"memory": memory.New(memory.Config{}), "redis": st}
}

// TestKeepLoosensNoLimit sets clocks forward and back, and lets the clocks of two
// processes differ by more than Config.Keep. No window is admitted twice.
func TestKeepLoosensNoLimit(t *testing.T) {
	type step struct {
		clock         time.Duration // since the first instant
		ask, admitted int
	}
	now := time.Now().UTC() // Redis expires keys by its own clock
	midnight, hour := now.Truncate(24*time.Hour), now.Truncate(time.Hour)
	for name, c := range map[string]struct {
		quota string
		keep  time.Duration
		first time.Time
		steps []step
	}{
		"two hours ahead, past midnight, and back": {"10/day", time.Hour, midnight.Add(-30 * time.Minute), []step{
			{0, 12, 10}, {2 * time.Hour, 3, 3}, {10 * time.Minute, 5, 0}, {20 * time.Hour, 8, 7}, {15 * time.Minute, 1, 0}}},
		"a process that is two and a half hours behind": {"10/hour", time.Minute, hour, []step{
			{-150 * time.Minute, 11, 10}, {0, 4, 4}, {-149 * time.Minute, 5, 0}, {0, 7, 6}, {-148 * time.Minute, 1, 0}}},
		"hours, a day apart": {"10/hour", time.Nanosecond, hour, []step{
			{0, 11, 10}, {23 * time.Hour, 1, 1}, {22 * time.Hour, 1, 1}, {23 * time.Hour, 1, 1}, {time.Minute, 1, 0}}},
		"minutes, six hours apart": {"10/minute", time.Nanosecond, hour, []step{
			{0, 11, 10}, {6 * time.Hour, 1, 1}, {5 * time.Hour, 1, 1}, {6 * time.Hour, 1, 1}, {time.Second, 1, 0}}},
		"a month's last hour": {"10/month", time.Nanosecond, midnight.AddDate(0, 1, 1-midnight.Day()).Add(-time.Hour), []step{
			{0, 11, 10}, {20 * time.Hour, 1, 1}, {time.Minute, 1, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			for name, counter := range counters(t) {
				h := newFixture(t, func(cfg *parts) { cfg.Counter, cfg.Keep, cfg.Timeout = counter, c.keep, time.Minute })
				q, err := quota.Parse(c.quota)
				require.NoError(t, err)
				_, secret, _ := h.linked(usageplan.Plan{Quotas: []quota.Quota{q}})
				for i, s := range c.steps {
					require.Equal(t, s.admitted, h.admitted(secret, c.first.Add(s.clock), s.ask), "%s: step %d", name, i)
				}
			}
		})
	}
}

// admitted returns how many of n requests are admitted at an instant.
func (h *fixture) admitted(secret apikey.Secret, at time.Time, n int) (admitted int) {
	h.t.Helper()
	for range n {
		if h.admit(gate.Request{Secret: secret, At: at}).Allowed {
			admitted++
		}
	}
	return admitted
}
