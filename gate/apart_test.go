package gate_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestPeekAgrees compares each decision with that of a Peek before it, under a throttle
// and a quota of the key, a throttle of the stage and one of the account. A store that
// keeps the subjects apart decides as one that takes all in one step.
func TestPeekAgrees(t *testing.T) {
	for name, counter := range map[string]func(store.Counter) store.Counter{
		"one step": func(c store.Counter) store.Counter { return c },
		"apart":    func(c store.Counter) store.Counter { return separate{c} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFixture(t, func(cfg *parts) {
					cfg.Counter = counter(cfg.Counter)
					cfg.Account = throttle(0.1, 6)
					cfg.Stages = map[usageplan.Stage]limiter.Limit{
						{API: "pets", Name: "prod"}: {Rate: 1, Burst: 2},
						{API: "pets", Name: "none"}: {Rate: 1, Burst: 0},
					}
				})
				var secrets []apikey.Secret
				for _, quota := range []int64{20, 60} {
					_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(quota), Throttle: throttle(0.5, 3)})
					secrets = append(secrets, secret)
				}
				rnd := rand.New(rand.NewPCG(1, 2))
				for i := range 2000 {
					time.Sleep(time.Duration(rnd.IntN(5000)) * time.Millisecond)
					req := gate.Request{Secret: secrets[rnd.IntN(2)], Cost: 1 + rnd.Int64N(4)*rnd.Int64N(8)}
					if stage := []string{"", "prod", "prod", "none"}[rnd.IntN(4)]; stage != "" {
						req.API, req.Stage = "pets", stage
					}
					peeked, err := h.gate.Peek(t.Context(), req)
					require.NoError(t, err)
					d := h.admit(req)
					require.Equal(t, d.Allowed, peeked.Allowed, i)
					require.Equal(t, d.Reason, peeked.Reason, "%d: %v, %v", i, d.RetryAfter, peeked.RetryAfter)
					require.Equal(t, d.SharedLimit(), peeked.SharedLimit(), i)
					require.InDelta(t, d.RetryAfter, peeked.RetryAfter, float64(2*time.Microsecond), i)
				}
			})
		})
	}
}

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

// TestSettleFollowsMoves corrects a charge of a subject that has moved several times.
func TestSettleFollowsMoves(t *testing.T) {
	u, h := newUnheard(t, gate.Config{})
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
	d := h.admit(gate.Request{Secret: secret, Cost: 4})
	from := d.Subject()
	for _, to := range []string{"a", "b", "c", "d"} {
		move(t, u.Store, from, to)
		from = to
	}
	u.subject = from
	require.NoError(t, h.gate.Settle(t.Context(), &d, 1))
	peeked, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	require.EqualValues(t, 1, peeked.Level(0).Used)
}

// TestNotGivenBackAfterMove moves a subject, and fails to give back the account's token.
// The second attempt is admitted, and the caller is told of the lost token all the same.
func TestNotGivenBackAfterMove(t *testing.T) {
	u, h := newUnheard(t, gate.Config{})
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
	counter := separate{failing{u.Store, func(c *store.Charge) error {
		if charges(c, "\xffaccount") && c.Parts[0].N[0] < 0 {
			return errBroken
		}
		return nil
	}}}
	g, err := gate.New(u, u, counter, gate.Config{Account: throttle(1e-8, 5)})
	require.NoError(t, err)
	defer g.Close()
	d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	u.subject = "acme>key"
	move(t, u.Store, d.Subject(), u.subject)

	d2, err := g.Admit(t.Context(), gate.Request{Secret: secret})
	require.ErrorIs(t, err, errBroken)
	require.ErrorContains(t, err, "give back")
	require.True(t, d2.Allowed)
	require.Equal(t, gate.Admitted, d2.Reason)
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
	require.Equal(t, "throttle of pets:prod GET /x", d.Limits()[0].Name)
}
