package gate_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestGroupChangeInOutage has a store that cannot be read tell of changes. A key whose
// groups or their plans have changed is not admitted by the old state. Any other cached
// key stays in use.
func TestGroupChangeInOutage(t *testing.T) {
	group := func(id string) func(h *tree) {
		return func(h *tree) { h.update(id, func(g *usageplan.Group) { g.Name = "new" }) }
	}
	plan := func(id string) func(h *tree) {
		return func(h *tree) {
			require.NoError(h.t, second(h.plans.Update(h.t.Context(), id, func(p *usageplan.Plan) error { p.Name = "new"; return nil })))
		}
	}
	for name, c := range map[string]struct {
		change  func(h *tree)
		allowed bool
	}{
		"nothing":                      {func(*tree) {}, true},
		"the team":                     {group("search"), false},
		"the organisation":             {group("acme"), false},
		"another team":                 {group("help"), true},
		"the plan of the team":         {plan("team"), false},
		"the plan of the organisation": {plan("org"), false},
		"another plan":                 {plan("other"), true},
		"the organisation is gone":     {func(h *tree) { require.NoError(h.t, h.st.DeleteGroup(h.t.Context(), "acme", 0)) }, false},
		"a key joins the team":         {func(h *tree) { h.member("new", "search") }, true},
		"the key moves":                {func(h *tree) { require.NoError(h.t, second(h.groups.MoveKey(h.t.Context(), "k", "help"))) }, false},
	} {
		for _, failedBefore := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f, st := newOutage(t, true)
					f.st = st.Store
					h := &tree{fixture: f, groups: must(usageplan.NewGroups(st, st, st, usageplan.Config{}))}
					h.days(map[string]int64{"org": 1000, "team": 1000, "other": 1000})
					for _, g := range []string{"acme org", "acme>search team", "acme>help other"} {
						h.group(g)
					}
					secret := h.member("k", "search", "other")
					if name == "another plan" { // the key must not have it
						require.NoError(t, h.plans.Unlink(t.Context(), "other", "k"))
					}
					require.Equal(t, gate.Admitted, h.reason(secret))
					st.reads.Store(true)
					if failedBefore {
						time.Sleep(5 * time.Second)
						require.Equal(t, gate.Admitted, h.reason(secret))
					}
					c.change(h)
					for _, after := range []time.Duration{0, 5 * time.Second, time.Minute} {
						time.Sleep(after)
						d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
						require.Equal(t, c.allowed, d.Allowed, "after %v: %v", after, err)
						require.Equal(t, c.allowed, err == nil, "after %v: %v", after, err)
					}
					st.reads.Store(false)
					time.Sleep(5 * time.Second)
					d := h.admit(gate.Request{Secret: secret})
					require.Equal(t, name != "the organisation is gone", d.Allowed)
				})
			})
		}
	}
}

// TestBreakDuringGroupRead changes a group while the subscription is broken and a look-up
// has read the group already. After the break no key is decided by the old group.
func TestBreakDuringGroupRead(t *testing.T) {
	for _, hold := range []string{"group acme", "group search", "plan", "access"} {
		synctest.Test(t, func(t *testing.T) {
			f, st := newPaused(t, hold)
			f.st = st.Store
			h := &tree{fixture: f, groups: must(usageplan.NewGroups(st.Store, st.Store, st.Store, usageplan.Config{}))}
			h.days(map[string]int64{"org": 50})
			h.group("acme org")
			h.group("acme>search org")
			h.member("k", "search")
			h.member("other", "search")
			release := st.hold(hold)
			var wg sync.WaitGroup
			wg.Go(func() { groupLimits(t.Context(), h.gate, "k") })
			synctest.Wait()
			st.mute = true
			for _, id := range []string{"acme", "search"} {
				h.update(id, func(g *usageplan.Group) { g.Quotas = perDay(7) })
			}
			st.mute = false
			st.changed("")
			release()
			wg.Wait()
			for range 2 {
				for _, id := range []string{"other", "k"} {
					require.Equal(t, "search day 7, acme day 7, ", groupLimits(t.Context(), h.gate, id), hold)
				}
			}
		})
	}
}

// TestBrokenGroupStaysClosed checks that nothing opens a missing group: neither the
// switch for keys without a plan nor a failure policy.
func TestBrokenGroupStaysClosed(t *testing.T) {
	h := newTree(t, func(cfg *parts) {
		cfg.InsecureAllowNoPlan = true
		cfg.OnFailure = gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}
		cfg.Counter = fails{cfg.Counter, func(*store.Charge) bool { t.Error("a charge"); return true }}
	})
	h.days(map[string]int64{"key": 10})
	h.group("acme")
	h.member("linked", "acme", "key")
	h.member("bare", "acme")
	require.NoError(t, h.st.DeleteGroup(t.Context(), "acme", 0))
	h.want(gate.NoGroup, "linked", "bare")
	for _, id := range []string{"linked", "bare"} {
		d, err := h.gate.Peek(t.Context(), gate.Request{KeyID: id})
		require.NoError(t, err)
		require.Equal(t, gate.NoGroup, d.Reason)
	}
}
