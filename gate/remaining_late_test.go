package gate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// slowPlans is a store that takes its time to return a plan.
type slowPlans struct {
	*memory.Store
	takes time.Duration
}

func (s *slowPlans) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	time.Sleep(s.takes)
	return s.Store.Plan(ctx, id)
}

// TestSetRemainingAtMidnight sets what remains of a key's and of a group's window, of
// which the last second runs, while the store is slow. The call is for the window in
// which it was made: it does not close the next one.
func TestSetRemainingAtMidnight(t *testing.T) {
	for name, set := range map[string]func(*gate.Gate, context.Context) error{
		"key":   func(g *gate.Gate, ctx context.Context) error { return g.SetRemaining(ctx, "p", "k", "day", 0) },
		"group": func(g *gate.Gate, ctx context.Context) error { return g.SetGroupRemaining(ctx, "acme", "day", 0) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := &slowPlans{Store: memory.New(memory.Config{})}
				plans, err := usageplan.NewService(st, st, usageplan.Config{})
				require.NoError(t, err)
				_, err = plans.Create(t.Context(), must(usageplan.Parse("p", "unlimited", "9/day")))
				require.NoError(t, err)
				groups, err := usageplan.NewGroups(st, st, st, usageplan.Config{})
				require.NoError(t, err)
				_, err = groups.Create(t.Context(), usageplan.Group{ID: "acme", PlanID: "p"})
				require.NoError(t, err)
				keys, err := apikey.NewService(st, apikey.Config{})
				require.NoError(t, err)
				_, _, err = keys.Create(t.Context(), apikey.Key{ID: "k", GroupID: "acme", Enabled: true})
				require.NoError(t, err)
				require.NoError(t, plans.Link(t.Context(), "p", "k"))
				g, err := gate.New(st, st, st, gate.Config{})
				require.NoError(t, err)
				defer g.Close()
				reason := func() gate.Reason {
					d, err := g.Admit(t.Context(), gate.Request{KeyID: "k"})
					require.NoError(t, err)
					return d.Reason
				}
				const day = 24 * time.Hour
				midnight := time.Now().Truncate(day).Add(day)
				require.Equal(t, gate.Admitted, reason())
				require.NoError(t, set(g, t.Context()))
				require.Equal(t, gate.QuotaExceeded, reason())

				time.Sleep(time.Until(midnight) - time.Second)
				st.takes = 2 * time.Second
				require.NoError(t, set(g, t.Context()))
				st.takes = 0
				require.True(t, time.Now().After(midnight))
				require.Equal(t, gate.Admitted, reason())
			})
		})
	}
}
