package gate_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestGroupAge changes a group or a plan of one, while keys of the group are read one
// after the other. Look-ups share what is known of groups and plans. Still no key is
// decided by the old state MaxAge after the change, which is 5s.
func TestGroupAge(t *testing.T) {
	for name, change := range map[string]func(h *tree){
		"the team":         func(h *tree) { h.update("search", func(g *usageplan.Group) { g.Quotas = perDay(51) }) },
		"the organisation": func(h *tree) { h.update("acme", func(g *usageplan.Group) { g.Quotas = perDay(51) }) },
		"the plan": func(h *tree) {
			require.NoError(h.t, second(h.plans.Update(h.t.Context(), "org", func(p *usageplan.Plan) error { p.Quotas = perDay(51); return nil })))
		},
	} {
		for _, first := range []time.Duration{0, 2400 * time.Millisecond} { // when the group is read first
			t.Run(fmt.Sprint(name, "/first=", first), func(t *testing.T) {
				forEachView(t, func(t *testing.T, h *tree, _ *bytes.Buffer, _ func()) {
					h.days(map[string]int64{"org": 50})
					h.group("acme org")
					h.group("acme>search org")
					h.member("linked", "", "org")
					h.admit(gate.Request{KeyID: "linked"}) // the plan is known from here on
					time.Sleep(time.Millisecond)
					began := time.Now()
					change(h)
					time.Sleep(first)
					var ids []string
					for time.Since(began) < 4900*time.Millisecond {
						ids = append(ids, fmt.Sprint("key-", len(ids)))
						h.member(ids[len(ids)-1], "search")
						groupLimits(t.Context(), h.gate, ids[len(ids)-1])
						time.Sleep(100 * time.Millisecond)
					}
					time.Sleep(time.Until(began.Add(5 * time.Second)))
					for _, id := range ids {
						require.Contains(t, groupLimits(t.Context(), h.gate, id), " 51, ", id)
					}
				})
			})
		}
	}
}

// TestGroupsApartRefused lets the account refuse a request, over a Counter that keeps
// families apart and one that does not. The limits of the groups have their say, and
// their levels are right.
func TestGroupsApartRefused(t *testing.T) {
	for name, counter := range map[string]func(store.Counter) store.Counter{
		"one step": func(c store.Counter) store.Counter { return c },
		"apart":    func(c store.Counter) store.Counter { return separate{c} },
	} {
		for quota, want := range map[int64]string{10: "throttled, account throttle", 2: "quota_exceeded, group acme day"} {
			t.Run(fmt.Sprint(name, "/quota=", quota), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { refusedByAccount(t, counter, quota, want) })
			})
		}
	}
}

func refusedByAccount(t *testing.T, counter func(store.Counter) store.Counter, quota int64, want string) {
	h := newTree(t, func(cfg *parts) { cfg.Counter, cfg.Account = counter(cfg.Counter), throttle(1e-8, 2) })
	h.days(map[string]int64{"org": quota, "blue": 500})
	h.group("acme org")
	h.group("acme>search org")
	h.update("search", func(g *usageplan.Group) { g.Quotas = perDay(10) })
	h.group("blue blue")
	h.member("k", "search")
	h.member("other", "blue")
	for range 2 {
		h.both(gate.Request{KeyID: "k"})
	}
	h.both(gate.Request{KeyID: "other"}) // its levels must not show in the next decision
	d := h.admit(gate.Request{KeyID: "k"})
	require.Equal(t, want, outcome(&d.Outcome))
	for l := range d.GroupLevels() {
		require.EqualValues(t, 2, l.Used, l.Payer)
	}
}
