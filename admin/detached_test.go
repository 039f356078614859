package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestDetached checks that a key whose only plan is detached reads as what it is:
// refused. The form that unlinks its other plan says so, too.
func TestDetached(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "5/day")
	_, err := f.plans.Create(t.Context(), usageplan.Plan{ID: "off", Detached: true})
	require.NoError(t, err)
	secret := f.key(apikey.Key{ID: "k"}, "off")
	require.Equal(t, gate.NoPlan, f.reason(secret))
	for _, path := range []string{"/usage/keys", "/usage/keys/k", "/usage/plans/off"} {
		page := f.get(path)
		require.Contains(t, page, "No plan", path)
		require.NotContains(t, page, "Enabled<", path)
	}
	require.NoError(t, f.plans.Link(t.Context(), "gold", "k"))
	require.Contains(t, f.get("/usage/keys/k"), "Enabled<")
	require.Contains(t, f.get("/usage/keys/k/unlink?plan=gold"), "every request with it is refused")
	require.NotContains(t, f.get("/usage/keys/k/unlink?plan=off"), "every request with it is refused")
}

// TestDetachedGroup checks a key that its group's detached plan refuses, although the key
// has a plan of its own.
func TestDetachedGroup(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "5/day")
	_, err := f.plans.Create(t.Context(), usageplan.Plan{ID: "off", Detached: true})
	require.NoError(t, err)
	_, err = f.groups.Create(t.Context(), usageplan.Group{ID: "acme", PlanID: "off"})
	require.NoError(t, err)
	secret := f.key(apikey.Key{ID: "k", GroupID: "acme"}, "gold")
	require.Equal(t, gate.NoPlan, f.reason(secret))
	require.NotContains(t, f.get("/usage/keys/k"), "Enabled<")
}
