package gate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestOwnSubjects gives links the subjects that a Gate has for its shared throttles. They
// are counted apart.
func TestOwnSubjects(t *testing.T) {
	for _, subject := range []string{"account", "stage pets:prod"} {
		h := newFixture(t, func(cfg *parts) {
			cfg.Account = throttle(1e-8, 3)
			cfg.Stages = map[usageplan.Stage]limiter.Limit{{API: "pets", Name: "prod"}: {Rate: 1e-8, Burst: 2}}
		})
		p := h.plan(usageplan.Plan{Quotas: perDay(10)})
		k, secret := h.key("key")
		require.NoError(t, second(h.plans.AddLink(t.Context(), usageplan.Link{PlanID: p.ID, KeyID: k.ID, Subject: subject})))
		for _, want := range []bool{true, true, false} {
			require.Equal(t, want, h.admit(gate.Request{Secret: secret, API: "pets", Stage: "prod"}).Allowed, subject)
		}
	}
}

// TestLinkThrottleOfOwner gives two links the subject of one of them, which ends with the
// ID of its key, and the owner a throttle of its own. The other link's bucket stays full.
func TestLinkThrottleOfOwner(t *testing.T) {
	h := newFixture(t)
	p := h.plan(usageplan.Plan{Throttle: throttle(1e-8, 10)})
	owner, ownSecret := h.key("owner")
	guest, guestSecret := h.key("guest")
	subject := "customer/" + owner.ID
	for id, own := range map[string]*limiter.Limit{owner.ID: throttle(1e-8, 2), guest.ID: nil} {
		require.NoError(t, second(h.plans.AddLink(t.Context(), usageplan.Link{PlanID: p.ID, KeyID: id, Subject: subject, Throttle: own})))
	}
	require.Equal(t, 2, h.admitted(ownSecret, time.Now(), 5))
	require.Equal(t, 10, h.admitted(guestSecret, time.Now(), 12))
	require.Equal(t, 0, h.admitted(ownSecret, time.Now(), 1))
}

// TestNoLevelsOfOthers lets the Counter fail after it has decided for another key. The
// Outcome has no levels, and above all not those of the other key.
func TestNoLevelsOfOthers(t *testing.T) {
	var down bool
	h := newFixture(t, func(cfg *parts) {
		cfg.Counter = fails{cfg.Counter, func(*store.Charge) bool { return down }}
	})
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
	_, other, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
	first := h.admit(gate.Request{Secret: other, Cost: 7})
	require.EqualValues(t, 7, first.Level(0).Used)
	down = true
	d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
	require.ErrorIs(t, err, errBroken)
	require.Zero(t, d.Level(0))
}

// TestStageNames has an API whose name begins as the bucket name of a link does.
func TestStageNames(t *testing.T) {
	stage := usageplan.Stage{API: "of pets", Name: "prod"}
	h := newFixture(t)
	_, secret, _ := h.linked(usageplan.Plan{StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{stage: {"GET /x": {Rate: 1, Burst: 1}}}})
	d := h.admit(gate.Request{Secret: secret, API: stage.API, Stage: stage.Name, Route: "GET /x"})
	require.Equal(t, "throttle \"of pets:prod\" GET /x", d.Limits()[0].Name)
}

// TestStageNamesApart has two stages whose names, joined with those of their routes,
// would be equal.
func TestStageNamesApart(t *testing.T) {
	one := limiter.Limit{Rate: 1e-8, Burst: 1}
	h := newFixture(t)
	routes := map[usageplan.Stage]map[string]limiter.Limit{
		{API: "pets", Name: "prod"}:     {"GET /x": one},
		{API: "pets", Name: "prod GET"}: {"/x": one},
	}
	_, secret, _ := h.linked(usageplan.Plan{StageRoutes: routes})
	for stage, limits := range routes {
		for route := range limits {
			for _, want := range []bool{true, false} {
				require.Equal(t, want, h.admit(gate.Request{Secret: secret, API: stage.API, Stage: stage.Name, Route: route}).Allowed, stage)
			}
		}
	}
}
