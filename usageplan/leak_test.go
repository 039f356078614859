package usageplan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// vault is a store with a password.
type vault struct {
	*memory.Store
	password string
}

// TestNothingShowsASecret prints every exported struct, and looks in the output for the
// password of a store and for the secret of a key.
func TestNothingShowsASecret(t *testing.T) {
	const password = "hunter2pass"
	st := &vault{memory.New(memory.Config{}), password}
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	key, secret, err := must(apikey.NewService(st, apikey.Config{})).Create(t.Context(), apikey.Key{Enabled: true})
	require.NoError(t, err)
	plan, err := plans.Create(t.Context(), usageplan.Plan{Throttle: throttle(1, 1), Quotas: perDay(1)})
	require.NoError(t, err)
	values := map[string]any{
		"Service": plans, "Access": usageplan.Access{Key: key}, "Plan": plan,
		"Link": usageplan.Link{PlanID: plan.ID, KeyID: key.ID}, "Stage": usageplan.Stage{},
		"Groups": must(usageplan.NewGroups(st, st, st, usageplan.Config{})), "Group": usageplan.Group{}, "GroupFilter": usageplan.GroupFilter{},
		"Throttle": usageplan.Throttle{}, "Limits": usageplan.Limits{}, "Unit": usageplan.Unit{}, "Config": usageplan.Config{}, "InvalidRecord": usageplan.InvalidRecord{}, "PlanRoute": usageplan.PlanRoute{},
		"AuditReport": usageplan.AuditReport{}, "Listeners": &usageplan.Listeners{},
		"ListenerState": usageplan.ListenerState{}, "Subscription": &usageplan.Subscription{},
	}
	leak.Complete(t, values)
	leak.Check(t, string(secret)[4:36], values)
	leak.Check(t, password, values)
}
