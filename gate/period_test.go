package gate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestQuotaChanges checks what a quota has used after its calendar has changed. The
// count goes on if the new window begins at the same instant as the old one. Otherwise
// the new window is empty.
func TestQuotaChanges(t *testing.T) {
	type step struct {
		quota string // from now on; if empty, as before
		at    string
		used  int64 // before the step's request, which takes 1
	}
	for name, steps := range map[string][]step{
		"month to day on the 1st, and back": {
			{"10/month as q", "2100-01-01T08:00:00Z", 0}, {"", "2100-01-01T09:00:00Z", 1},
			{"9/day as q", "2100-01-01T10:00:00Z", 0}, {"", "2100-01-02T00:00:00Z", 0},
			{"10/month as q", "2100-01-02T00:00:00Z", 2}, {"", "2100-01-31T00:00:00Z", 3}},
		"day to month on the 1st":                {{"10/day as q", "2100-01-01T08:00:00Z", 0}, {"10/month as q", "2100-01-01T09:00:00Z", 0}, {"", "2100-01-02T09:00:00Z", 1}},
		"week to day on a Sunday":                {{"10/week as q", "2100-01-03T08:00:00Z", 0}, {"10/day as q", "2100-01-03T09:00:00Z", 0}, {"", "2100-01-04T00:00:00Z", 0}},
		"year to month in January":               {{"10/year as q", "2100-01-20T08:00:00Z", 0}, {"10/month as q", "2100-01-30T09:00:00Z", 0}, {"", "2100-02-01T09:00:00Z", 0}},
		"hour to minute in its first minute":     {{"10/hour as q", "2100-01-01T08:00:10Z", 0}, {"10/minute as q", "2100-01-01T08:00:20Z", 0}, {"", "2100-01-01T08:01:00Z", 0}},
		"a period, named or not":                 {{"10/day", "2100-01-01T08:00:00Z", 0}, {"10/day as day", "2100-01-01T09:00:00Z", 1}, {"10/month as day", "2100-01-01T09:00:00Z", 0}},
		"names of their own, on the 1st":         {{"10/month", "2100-01-01T08:00:00Z", 0}, {"10/day", "2100-01-01T09:00:00Z", 0}, {"10/month", "2100-01-01T10:00:00Z", 1}},
		"another name":                           {{"10/day as q", "2100-01-01T08:00:00Z", 0}, {"10/day as r", "2100-01-01T09:00:00Z", 0}},
		"another limit":                          {{"10/day as q", "2100-01-01T08:00:00Z", 0}, {"20/day as q", "2100-01-01T09:00:00Z", 1}},
		"another start day, each time, and back": {{"1/month", "2100-01-10T08:00:00Z", 0}, {"1/month start 5", "2100-01-10T08:01:00Z", 0}, {"1/month start 6", "2100-01-10T08:02:00Z", 0}, {"2/month start 5", "2100-01-10T08:03:00Z", 1}},
		"start days of one instant":              {{"10/month start 29", "2100-03-01T08:00:00Z", 0}, {"10/month start 31", "2100-03-01T09:00:00Z", 1}, {"", "2100-03-30T09:00:00Z", 2}, {"", "2100-03-31T00:00:00Z", 0}},
		"another first day of the week":          {{"1/week", "2100-01-05T08:00:00Z", 0}, {"1/week start Monday", "2100-01-05T09:00:00Z", 0}},
		"another zone":                           {{"1/day", "2100-01-05T08:00:00Z", 0}, {"1/day in Europe/Berlin", "2100-01-05T09:00:00Z", 0}, {"2/day", "2100-01-05T10:00:00Z", 1}},
		"a zone of the same midnight":            {{"10/day", "2100-01-05T08:00:00Z", 0}, {"10/day in Africa/Abidjan", "2100-01-05T09:00:00Z", 1}},
	} {
		t.Run(name, func(t *testing.T) {
			for name, counter := range counters(t) {
				h := newFixture(t, func(cfg *parts) {
					cfg.Counter, cfg.Keep, cfg.Timeout = counter, time.Nanosecond, time.Minute
				})
				_, secret, p := h.linked(usageplan.Plan{})
				for i, s := range steps {
					if s.quota != "" {
						q, err := quota.Parse(s.quota)
						require.NoError(t, err)
						_, err = h.plans.Update(t.Context(), p.ID, func(p *usageplan.Plan) error { p.Quotas = []quota.Quota{q}; return nil })
						require.NoError(t, err)
					}
					at, err := time.Parse(time.RFC3339, s.at)
					require.NoError(t, err)
					d := h.admit(gate.Request{Secret: secret, At: at})
					require.True(t, d.Allowed, "%s: step %d", name, i)
					require.Equal(t, s.used+1, d.Level(0).Used, "%s: step %d", name, i)
				}
			}
		})
	}
}

// TestRaisedPlan checks what a bucket has after its plan is raised. The bucket keeps
// its tokens, and the new rate fills it up to the new burst.
func TestRaisedPlan(t *testing.T) {
	h := newFixture(t)
	_, secret, p := h.linked(usageplan.Plan{Throttle: throttle(1, 10)})
	at := time.Now()
	require.Equal(t, 10, h.admitted(secret, at, 12))
	raise := func(p *usageplan.Plan) error { p.Throttle = throttle(100, 1000); return nil }
	_, err := h.plans.Update(t.Context(), p.ID, raise)
	require.NoError(t, err)
	for i, step := range []struct {
		after    time.Duration
		ask      int
		admitted int
	}{
		{0, 5, 0}, {10 * time.Millisecond, 5, 1}, {time.Second, 200, 100}, {20 * time.Second, 1200, 1000},
	} {
		at = at.Add(step.after)
		require.Equal(t, step.admitted, h.admitted(secret, at, step.ask), i)
	}
}
