package gate_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// groupLimits returns the limits of the groups of a key, as g knows them, or the reason
// of a refusal that names no limit.
func groupLimits(ctx context.Context, g *gate.Gate, keyID string) string {
	d, err := g.Peek(ctx, gate.Request{KeyID: keyID})
	text := ""
	for l := range d.GroupLevels() {
		text += fmt.Sprintf("%s %s %d, ", l.Payer.ID, l.Name, l.Max)
	}
	if err != nil || text == "" {
		return fmt.Sprint(d.Reason, err)
	}
	return text
}

// TestGroupChanges is a timeline of changes to a team and its organisation. Each is in
// force at once for all keys that are cached, and for a key that is not.
func TestGroupChanges(t *testing.T) {
	forEachView(t, func(t *testing.T, h *tree, _ *bytes.Buffer, changed func()) {
		ctx := t.Context()
		h.days(map[string]int64{"org": 50, "big": 90, "team": 30})
		acme := h.group("acme org")
		h.group("acme>search team")
		h.group("acme>help")
		var ids []string
		for i := range 5 {
			ids = append(ids, fmt.Sprint("key-", i))
			h.member(ids[i], "search")
		}
		group := func(id string, change func(*usageplan.Group)) func() {
			return func() { h.update(id, change) }
		}
		plan := func(id string, n int64) func() {
			return func() {
				require.NoError(t, second(h.plans.Update(ctx, id, func(p *usageplan.Plan) error { p.Quotas = perDay(n); return nil })))
			}
		}
		for i, step := range []struct {
			change func()
			want   string
		}{
			{func() {}, "search day 30, acme day 50, "},
			{plan("team", 40), "search day 40, acme day 50, "},
			{plan("org", 60), "search day 40, acme day 60, "},
			{group("search", func(g *usageplan.Group) { g.Quotas = quotasOf("2/hour", "7/day") }), "search hour 2, search day 7, acme day 60, "},
			{plan("team", 41), "search hour 2, search day 7, acme day 60, "},
			{group("search", func(g *usageplan.Group) { g.Throttle = throttle(1, 3) }), "search throttle 3, search hour 2, search day 7, acme day 60, "},
			{group("search", func(g *usageplan.Group) { g.Throttle, g.Quotas = nil, []quota.Quota{} }), "acme day 60, "},
			{group("search", func(g *usageplan.Group) { g.Quotas = nil }), "search day 41, acme day 60, "},
			{group("acme", func(g *usageplan.Group) { g.PlanID = "big" }), "search day 41, acme day 90, "},
			{plan("org", 1), "search day 41, acme day 90, "},
			{plan("big", 91), "search day 41, acme day 91, "},
			{group("search", func(g *usageplan.Group) { g.PlanID = "" }), "acme day 91, "},
			{group("help", func(g *usageplan.Group) { g.PlanID = "team" }), "acme day 91, "},
			{group("search", func(g *usageplan.Group) { g.ParentID = "help" }), "help day 41, acme day 91, "},
			{group("help", func(g *usageplan.Group) { g.Quotas = perDay(8) }), "help day 8, acme day 91, "},
			{group("search", func(g *usageplan.Group) { g.ParentID = "acme" }), "acme day 91, "},
			{func() { require.NoError(t, h.st.DeleteGroup(ctx, "acme", 0)) }, "no_group <nil>"},
			{func() { require.NoError(t, h.st.InsertGroup(ctx, acme)) }, "acme day 1, "},
			{func() { require.NoError(t, h.st.DeletePlan(ctx, "org", 0)) }, "no_group <nil>"},
			{func() { h.days(map[string]int64{"org": 55}) }, "acme day 55, "},
			{group("acme", func(g *usageplan.Group) { g.PlanID = "" }), "no_plan <nil>"},
			{group("acme", func(g *usageplan.Group) { g.PlanID = "org" }), "acme day 55, "},
		} {
			step.change()
			changed()
			for _, id := range ids {
				require.Equal(t, step.want, groupLimits(ctx, h.gate, id), "step %d, %s", i, id)
			}
			fresh := fmt.Sprint("fresh-", i)
			h.member(fresh, "search")
			require.Equal(t, step.want, groupLimits(ctx, h.gate, fresh), "step %d", i)
		}
	})
}

// Group implements usageplan.GroupStore. Its answers are of the kind "group" and the ID.
func (s *paused) Group(ctx context.Context, id string) (usageplan.Group, error) {
	g, err := s.Store.Group(ctx, id)
	s.wait("group " + id)
	return g, err
}

// TestGroupChangesDuringRead holds a look-up back after one of its reads, and changes a
// group, its plan or the key meanwhile. Requests that begin afterwards are decided by the
// new state, of this key and of another one.
func TestGroupChangesDuringRead(t *testing.T) {
	changes := map[string]func(h *tree) error{
		"nothing": func(*tree) error { return nil },
		"the team": func(h *tree) error {
			h.update("search", func(g *usageplan.Group) { g.Quotas = perDay(31) })
			return nil
		},
		"the organisation": func(h *tree) error {
			h.update("acme", func(g *usageplan.Group) { g.Quotas = perDay(51) })
			return nil
		},
		"the team's plan": func(h *tree) error {
			return second(h.plans.Update(h.t.Context(), "team", func(p *usageplan.Plan) error { p.Quotas = perDay(32); return nil }))
		},
		"the organisation's plan": func(h *tree) error {
			return second(h.plans.Update(h.t.Context(), "org", func(p *usageplan.Plan) error { p.Quotas = perDay(52); return nil }))
		},
		"the parent":               func(h *tree) error { h.update("search", func(g *usageplan.Group) { g.ParentID = "help" }); return nil },
		"the organisation is gone": func(h *tree) error { return h.st.DeleteGroup(h.t.Context(), "acme", 0) },
		"the team is gone":         func(h *tree) error { return h.st.DeleteGroup(h.t.Context(), "search", 0) },
		"the plan is gone":         func(h *tree) error { return h.st.DeletePlan(h.t.Context(), "org", 0) },
		"the key's group":          func(h *tree) error { return second(h.groups.MoveKey(h.t.Context(), "key", "help")) },
		"the key's family":         func(h *tree) error { return second(h.groups.MoveKey(h.t.Context(), "key", "blue")) },
		"many keys, and the team": func(h *tree) error {
			h.update("search", func(g *usageplan.Group) { g.Quotas = perDay(31) })
			for i := range 1100 {
				h.key(fmt.Sprint(i))
			}
			return nil
		},
	}
	for _, hold := range []string{"key", "links", "group search", "group acme", "plan", "access"} {
		for name, change := range changes {
			for _, backwards := range []bool{false, true} { // undo the change meanwhile
				t.Run(fmt.Sprint(hold, "/", name, "/backwards=", backwards), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { changeDuringRead(t, hold, change, backwards) })
				})
			}
		}
	}
}

func changeDuringRead(t *testing.T, hold string, change func(h *tree) error, backwards bool) {
	f, st := newPaused(t, hold)
	f.st = st.Store
	h := &tree{fixture: f, groups: must(usageplan.NewGroups(st.Store, st.Store, st.Store, usageplan.Config{}))}
	h.days(map[string]int64{"org": 50, "team": 30})
	for _, g := range []string{"acme org", "acme>search team", "acme>help team", "blue org"} {
		h.group(g)
	}
	h.member("key", "search")
	h.member("other", "search")
	saved := saveGroups(h)
	if backwards {
		require.NoError(t, change(h))
	}

	release := st.hold(hold)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { groupLimits(t.Context(), h.gate, "key") })
		synctest.Wait()
	}
	if backwards {
		saved()
	} else {
		require.NoError(t, change(h))
	}
	fresh, err := gate.New(st.Store, st.Store, st.Store, gate.Config{})
	require.NoError(t, err)
	defer fresh.Close()
	want := map[string]string{}
	for _, id := range []string{"key", "other"} {
		want[id] = groupLimits(t.Context(), fresh, id)
	}
	wg.Go(func() {
		if got := groupLimits(t.Context(), h.gate, "key"); got != want["key"] {
			t.Errorf("a request that began after the change: %s, want %s", got, want["key"])
		}
	})
	synctest.Wait()
	release()
	wg.Wait()
	for range 2 {
		for id, want := range want {
			require.Equal(t, want, groupLimits(t.Context(), h.gate, id), id)
		}
	}
}

// saveGroups returns a function that brings groups, plans and the key back.
func saveGroups(h *tree) (restore func()) {
	ctx := h.t.Context()
	var groups []usageplan.Group
	for _, id := range []string{"acme", "search"} {
		groups = append(groups, must(h.st.Group(ctx, id)))
	}
	plans := []usageplan.Plan{must(h.st.Plan(ctx, "org")), must(h.st.Plan(ctx, "team"))}
	return func() {
		for _, g := range groups {
			now, err := h.st.Group(ctx, g.ID)
			switch g.Version = now.Version; {
			case err != nil:
				require.NoError(h.t, h.st.InsertGroup(ctx, g))
			case !reflect.DeepEqual(g, now): // only this: any change may hide another one
				require.NoError(h.t, h.st.UpdateGroup(ctx, g))
			}
		}
		for _, p := range plans {
			now, err := h.st.Plan(ctx, p.ID)
			switch p.Version = now.Version; {
			case err != nil:
				require.NoError(h.t, h.st.InsertPlan(ctx, p))
			case !reflect.DeepEqual(p, now):
				require.NoError(h.t, h.st.UpdatePlan(ctx, p))
			}
		}
		require.NoError(h.t, second(h.groups.MoveKey(ctx, "key", "search")))
	}
}

// TestGroupChangeIsNoSearch changes a group that has 10 keys, and one that has 100,000,
// all of them cached. The change is in force for the next request, and takes about as
// long.
func TestGroupChangeIsNoSearch(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 100,000 keys")
	}
	h := newTree(t, func(cfg *parts) { cfg.MaxAge = time.Hour })
	h.days(map[string]int64{"org": 1 << 40})
	sizes := map[string]int{"few": 10, "many": 100_000}
	for id, n := range sizes {
		h.group(id + " org")
		for i := range n {
			k := apikey.Key{ID: fmt.Sprint(id, "-", i), GroupID: id, Enabled: true}
			k.Digest = apikey.DigestOf(k.ID)
			require.NoError(t, h.st.InsertKey(t.Context(), k))
			require.True(t, h.admit(gate.Request{KeyID: k.ID}).Allowed)
		}
	}
	took := map[string][]time.Duration{}
	for i := range 101 {
		for id, n := range sizes {
			g := must(h.st.Group(t.Context(), id))
			g.Quotas = perDay(int64(1e6 + i))
			began := time.Now()
			require.NoError(t, h.st.UpdateGroup(t.Context(), g))
			took[id] = append(took[id], time.Since(began))
			d := h.admit(gate.Request{KeyID: fmt.Sprint(id, "-", i*7%n)})
			for l := range d.GroupLevels() {
				require.EqualValues(t, 1e6+i, l.Max)
			}
		}
	}
	median := func(id string) time.Duration { slices.Sort(took[id]); return took[id][len(took[id])/2] }
	t.Logf("medians of an update: %v with 10 keys, %v with 100,000", median("few"), median("many"))
	require.Less(t, median("many"), 20*median("few")+100*time.Microsecond)
}
