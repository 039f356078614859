package gate_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// lastUsed returns when a key was last used.
func (h *fixture) lastUsed(keyID string) gate.LastUse {
	h.t.Helper()
	uses, err := h.gate.LastUsed(h.t.Context(), keyID)
	require.NoError(h.t, err)
	require.Len(h.t, uses, 1)
	require.Equal(h.t, keyID, uses[0].KeyID)
	return uses[0]
}

// use makes a request at an instant, and requires that it is admitted.
func (h *fixture) use(secret apikey.Secret, at time.Time) {
	h.t.Helper()
	d, err := h.gate.Admit(h.t.Context(), gate.Request{Secret: secret, At: at})
	require.NoError(h.t, err)
	require.True(h.t, d.Allowed, d.Reason)
}

// minute returns the minute of an instant, as a LastUse has it.
func minute(at time.Time) time.Time { return at.UTC().Truncate(time.Minute) }

// TestLastUsed uses keys at times up to Keep ago, over several stores. The answer is the
// latest minute, whatever the order of the uses.
func TestLastUsed(t *testing.T) {
	stores := counters(t)
	stores["leases"] = &distant{Counter: memory.New(memory.Config{})}
	for name, counter := range stores {
		t.Run(name, func(t *testing.T) {
			h := newTree(t, func(cfg *parts) {
				cfg.Counter, cfg.Timeout = counter, time.Minute
				if name == "leases" {
					cfg.Lease = &lease.Config{Timeout: time.Minute}
				}
			})
			h.days(map[string]int64{"day": 1000, "month": 1000})
			h.group("acme day")
			h.group("acme>search")
			now := time.Now()
			var ids []string
			var want []time.Time
			add := func(id, group string, plans []string, ago ...time.Duration) {
				secret, latest := h.member(id, group, plans...), time.Time{}
				for _, d := range ago {
					h.use(secret, now.Add(-d))
					if at := minute(now.Add(-d)); at.After(latest) {
						latest = at
					}
				}
				ids, want = append(ids, id), append(want, latest)
			}
			add("today", "", []string{"day"}, time.Minute)
			add("never", "", []string{"day"})
			add("late-first", "", []string{"day"}, 50*time.Hour, 26*time.Hour)
			add("long-ago", "", []string{"day"}, 90*24*time.Hour)
			add("in-a-group", "search", []string{"month"}, 80*time.Hour)
			add("without-a-plan", "acme", nil, 5*24*time.Hour)
			ids, want = append(ids, "nobody"), append(want, time.Time{})

			uses, err := h.gate.LastUsed(t.Context(), ids...)
			require.NoError(t, err)
			for i, u := range uses {
				require.Equal(t, gate.LastUse{KeyID: ids[i], At: want[i]}, u)
			}
		})
	}
}

// TestLastUsedOfAdmitted has requests that are no uses: refusals, a Peek, and those by
// another key. A refund takes no use back.
func TestLastUsedOfAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokens(t)
		k, secret, p := h.linked(usageplan.Plan{Throttle: throttle(0.001, 2), Quotas: tokensPerDay(10)})
		require.Zero(t, h.lastUsed(k.ID).At)
		began := time.Now()
		d := h.admit(gate.Request{Secret: secret, ID: "order", Costs: costs(6)})
		require.True(t, d.Allowed)
		require.Equal(t, minute(began), h.lastUsed(k.ID).At)

		time.Sleep(5 * time.Minute)
		require.NoError(t, h.gate.Refund(t.Context(), &d))
		require.NoError(t, second(h.gate.Peek(t.Context(), gate.Request{Secret: secret})))
		require.Equal(t, gate.NeverFits, h.spend(secret, 11))
		require.Equal(t, gate.Admitted, h.spend(secret, 1))
		used := time.Now()
		require.Equal(t, minute(used), h.lastUsed(k.ID).At)

		time.Sleep(5 * time.Minute)
		require.Equal(t, gate.Throttled, h.spend(secret, 1))
		require.NoError(t, h.gate.SetRemaining(t.Context(), p.ID, k.ID, "day", 5))
		other, _, _ := h.linked(usageplan.Plan{})
		require.Equal(t, minute(used), h.lastUsed(k.ID).At)
		require.Zero(t, h.lastUsed(other.ID).At)
	})
}

// TestLastUsedAfterMoves moves a used key to another plan and into a group. What was used
// moves along.
func TestLastUsedAfterMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTree(t)
		h.days(map[string]int64{"day": 10, "other": 10})
		h.group("acme")
		secret, used := h.member("k", "", "day"), time.Now()
		h.use(secret, used)
		time.Sleep(time.Hour)
		require.NoError(t, h.plans.Move(t.Context(), "k", "day", "other"))
		require.Equal(t, minute(used), h.lastUsed("k").At)
		require.NoError(t, second(h.groups.MoveKey(t.Context(), "k", "acme")))
		settleLeases(t, h.gate)
		require.Equal(t, minute(used), h.lastUsed("k").At)
	})
}

// TestLastUsedWithoutGroup has a key whose group does not exist.
func TestLastUsedWithoutGroup(t *testing.T) {
	h := newTree(t)
	h.member("k", "nowhere")
	require.Equal(t, gate.LastUse{KeyID: "k", Unknown: true}, h.lastUsed("k"))
}

// TestLastUsedWithLeases uses a key in the last instants of a minute. The answer of the
// same process, and that of another one, is late by Life at most.
func TestLastUsedWithLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, func(cfg *parts) {
			cfg.Counter, cfg.Lease = &distant{Counter: cfg.Counter}, &lease.Config{}
		})
		k, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(1 << 40)})
		other, err := gate.New(h.st, h.st, h.st, gate.Config{})
		require.NoError(t, err)
		const life = time.Second // the default
		for range 3 {
			for range 200 {
				require.Equal(t, gate.Admitted, h.reason(secret))
				synctest.Wait()
			}
			used := time.Now()
			require.WithinRange(t, h.lastUsed(k.ID).At, minute(used), minute(used.Add(life)))
			time.Sleep(life)
			uses, err := other.LastUsed(t.Context(), k.ID)
			require.NoError(t, err)
			require.WithinRange(t, uses[0].At, minute(used), minute(used.Add(life)))
			time.Sleep(time.Minute - 2*life + 300*time.Millisecond)
		}
	})
}

// TestLastUsedOfSecrets rotates the secret of a key. While both are good, the answer says
// when each was last used. Another rotation starts anew.
func TestLastUsedOfSecrets(t *testing.T) {
	for name, change := range map[string]func(*parts){
		"memory": func(*parts) {},
		"leases": func(cfg *parts) { cfg.Counter, cfg.Lease = &distant{Counter: cfg.Counter}, &lease.Config{} },
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { playRotations(newFixture(t, change)) }) })
	}
}

func playRotations(h *fixture) {
	t := h.t
	k, first, _ := h.linked(usageplan.Plan{Throttle: throttle(1000, 1000), Quotas: perDay(1000)})
	rotate := func(grace time.Duration) (apikey.Secret, time.Time) {
		k, secret, err := h.keys.Rotate(t.Context(), k.ID, grace)
		require.NoError(t, err)
		return secret, k.RetiringUntil
	}
	use := func(secret apikey.Secret) time.Time {
		require.Equal(t, gate.Admitted, h.reason(secret))
		at := minute(time.Now())
		time.Sleep(10 * time.Minute)
		return at
	}
	before := use(first)
	require.Equal(t, gate.LastUse{KeyID: k.ID, At: before}, h.lastUsed(k.ID))

	current, until := rotate(72 * time.Hour)
	require.Equal(t, gate.LastUse{KeyID: k.ID, At: before, Rotation: &gate.RotationUse{RetiringUntil: until}}, h.lastUsed(k.ID))
	old := use(first)
	require.Equal(t, gate.LastUse{KeyID: k.ID, At: old, Rotation: &gate.RotationUse{Retiring: old, RetiringUntil: until}}, h.lastUsed(k.ID))
	young := use(current)
	require.Equal(t, gate.LastUse{KeyID: k.ID, At: young, Rotation: &gate.RotationUse{young, old, until}}, h.lastUsed(k.ID))
	time.Sleep(48 * time.Hour)
	young = use(current)
	require.Equal(t, gate.LastUse{KeyID: k.ID, At: young, Rotation: &gate.RotationUse{young, old, until}}, h.lastUsed(k.ID))

	next, until := rotate(time.Hour)
	require.Equal(t, gate.Unknown, h.reason(first))
	require.Equal(t, gate.LastUse{KeyID: k.ID, At: young, Rotation: &gate.RotationUse{Current: time.Time{}, Retiring: young, RetiringUntil: until}}, h.lastUsed(k.ID),
		"the secret that is retiring now was used as the current one")
	last := use(next)
	time.Sleep(time.Hour)
	require.Equal(t, gate.LastUse{KeyID: k.ID, At: last}, h.lastUsed(k.ID), "the rotation is over")
}

// TestRecordOfSecret looks at what a key is charged around a rotation: one meter more,
// and only while two secrets are good.
func TestRecordOfSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{Counter: memory.New(memory.Config{})}
		h := newFixture(t, func(cfg *parts) { cfg.Counter = c })
		k, first, p := h.linked(usageplan.Plan{Quotas: perDay(1000)})
		meters := func(req gate.Request) int {
			require.True(t, h.ask(req).Allowed)
			return c.meters
		}
		require.Equal(t, 2, meters(gate.Request{Secret: first}))
		_, second, err := h.keys.Rotate(t.Context(), k.ID, time.Hour)
		require.NoError(t, err)
		require.Equal(t, 3, meters(gate.Request{Secret: first}))
		require.Equal(t, 3, meters(gate.Request{Secret: second}))
		require.Equal(t, 4, meters(gate.Request{Secret: second, ID: "order"}))
		require.Equal(t, 2, meters(gate.Request{KeyID: k.ID}), "of no secret")
		time.Sleep(time.Hour)
		require.Equal(t, 2, meters(gate.Request{Secret: second}))
		require.EqualValues(t, []int64{6}, h.records(p.ID, k.ID, nil))
	})
}

// TestFullPlanInRotation has a plan with all limits, all units and an ID, and a key with
// two secrets. Together they are as many meters as a part of a charge can have.
func TestFullPlanInRotation(t *testing.T) {
	c := &counted{Counter: memory.New(memory.Config{})}
	units := append(usageplan.Units{}, model...)
	units = append(units, usageplan.Unit{Name: "pages"})
	h := newFixture(t, func(cfg *parts) { cfg.Units, cfg.Counter = units, c })
	k, retiring, p := h.linked(manyLimits(usageplan.MaxLimits))
	_, current, err := h.keys.Rotate(t.Context(), k.ID, time.Hour)
	require.NoError(t, err)
	for i, secret := range []apikey.Secret{retiring, current} {
		d := h.ask(gate.Request{Secret: secret, ID: fmt.Sprint(i), Costs: usageplan.Costs{1, 2, 3, 4}})
		require.True(t, d.Allowed)
		require.Equal(t, store.MaxMeters, c.meters)
		require.True(t, h.ask(gate.Request{Secret: secret, ID: fmt.Sprint(i), Costs: usageplan.Costs{1, 2, 3, 4}}).Repeated)
		require.NoError(t, h.gate.Settle(t.Context(), d, usageplan.Costs{2, 2, 2, 2}))
	}
	require.Equal(t, []int64{2, 4, 4, 4, 4}, h.records(p.ID, k.ID, units))
	r := h.lastUsed(k.ID).Rotation
	require.NotZero(t, r.Current)
	require.NotZero(t, r.Retiring)
}

// TestRotationAllocatesNothing counts the allocations of decisions by both secrets of a
// key.
func TestRotationAllocatesNothing(t *testing.T) {
	if raceDetector() {
		t.Skip("the race detector makes pools forget")
	}
	h, ctx := newFixture(t), t.Context()
	k, retiring, _ := h.linked(usageplan.Plan{Throttle: throttle(1e6, 1e6), Quotas: perDay(1e9)})
	_, current, err := h.keys.Rotate(ctx, k.ID, time.Hour)
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for _, secret := range []apikey.Secret{retiring, current} {
			if d, err := h.gate.Admit(ctx, gate.Request{Secret: secret}); err != nil || !d.Allowed {
				t.Error(d.Reason, err)
			}
		}
	}))
}

// calls counts the calls of Peek of a store in memory.
type calls struct {
	*memory.Store
	peeks int
}

func (c *calls) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	c.peeks++
	return c.Store.Peek(ctx, at, subjects, meters, levels, last)
}

// TestLastUsedOfMany reads many keys at once in two calls, and those with two secrets in
// one more each.
func TestLastUsedOfMany(t *testing.T) {
	c := &calls{Store: memory.New(memory.Config{})}
	h := newFixture(t, func(cfg *parts) { cfg.Counter = c })
	p := h.plan(usageplan.Plan{Throttle: &limiter.Limit{Rate: 1, Burst: 1}})
	now := time.Now()
	var ids []string
	for i := range 300 {
		k, secret := h.key("key")
		require.NoError(t, h.plans.Link(t.Context(), p.ID, k.ID))
		h.use(secret, now.Add(-time.Duration(i)*7*time.Hour))
		ids = append(ids, k.ID)
	}
	for range 2 {
		c.peeks = 0
		uses, err := h.gate.LastUsed(t.Context(), ids...)
		require.NoError(t, err)
		for i, u := range uses {
			require.Equal(t, minute(now.Add(-time.Duration(i)*7*time.Hour)), u.At)
		}
		require.LessOrEqual(t, c.peeks, 3)
		require.NoError(t, second2(h.keys.Rotate(t.Context(), ids[0], time.Hour)))
	}
	require.Equal(t, 3, c.peeks)
}

func second2[A, B any](_ A, _ B, err error) error { return err }
