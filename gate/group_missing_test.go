package gate_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// inOneCall and inManyCalls show a memory.Store to a Gate, with an AccessReader and
// without one. Neither tells of changes.
type (
	inOneCall struct {
		*memory.Store
		unheardOf
	}
	inManyCalls struct {
		*memory.Store
		apart
		unheardOf
	}
	unheardOf struct{}
)

func (unheardOf) OnChange() {}

// tellingInMany is inManyCalls that tells of changes.
type tellingInMany struct {
	*memory.Store
	apart
}

var _ = []interface {
	AccessByDigest()
	AccessByKey()
	Local()
}{inManyCalls{}.apart, tellingInMany{}.apart}

var _ = []interface{ OnChange() }{inOneCall{}.unheardOf, inManyCalls{}.unheardOf}

// views are the ways in which a Gate can see a store of keys, plans and groups.
var views = map[string]struct {
	of    func(*memory.Store) directory
	tells bool
}{
	"one call":            {func(st *memory.Store) directory { return st }, true},
	"many calls":          {func(st *memory.Store) directory { return tellingInMany{Store: st} }, true},
	"one call, unheard":   {func(st *memory.Store) directory { return inOneCall{Store: st} }, false},
	"many calls, unheard": {func(st *memory.Store) directory { return inManyCalls{Store: st} }, false},
}

// forEachView runs a test with a Gate over each view, in a bubble. changed waits until
// the Gate must know of a change.
func forEachView(t *testing.T, run func(t *testing.T, h *tree, logs *bytes.Buffer, changed func())) {
	for name, view := range views {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs bytes.Buffer
				st := memory.New(memory.Config{})
				h := treeOver(t, st, func(cfg *parts) {
					cfg.Keys, cfg.Plans = view.of(st), view.of(st)
					cfg.Logger = slog.New(slog.NewTextHandler(&logs, nil))
				})
				run(t, h, &logs, func() {
					if !view.tells {
						time.Sleep(5 * time.Second)
					}
				})
			})
		})
	}
}

// TestGroupIsMissing removes each thing that a key in a team of an organisation needs, as
// another program may. The key is refused, and never admitted as if it were in no group.
// It is admitted again as soon as the thing is back.
func TestGroupIsMissing(t *testing.T) {
	forEachView(t, func(t *testing.T, h *tree, logs *bytes.Buffer, changed func()) {
		ctx := t.Context()
		h.days(map[string]int64{"org": 1000, "team": 1000, "key": 1000})
		acme := h.group("acme org")
		search := h.group("acme>search team")
		h.member("linked", "search", "key")
		h.member("bare", "search")
		h.member("alone", "", "key")
		org, team := must(h.plans.Get(ctx, "org")), must(h.plans.Get(ctx, "team"))
		group := func(g usageplan.Group) (remove, restore func() error) {
			return func() error { return h.st.DeleteGroup(ctx, g.ID, 0) }, func() error { return h.st.InsertGroup(ctx, g) }
		}
		plan := func(p usageplan.Plan) (remove, restore func() error) {
			return func() error { return h.st.DeletePlan(ctx, p.ID, 0) }, func() error { return h.st.InsertPlan(ctx, p) }
		}
		for name, things := range map[string]func() (remove, restore func() error){
			"the team":                     func() (_, _ func() error) { return group(search) },
			"the organisation":             func() (_, _ func() error) { return group(acme) },
			"the plan of the team":         func() (_, _ func() error) { return plan(team) },
			"the plan of the organisation": func() (_, _ func() error) { return plan(org) },
		} {
			remove, restore := things()
			h.want(gate.Admitted, "linked", "bare", "alone")
			before := h.today("acme", "search")
			logs.Reset()
			require.NoError(t, remove())
			changed()
			for range 2 {
				h.want(gate.NoGroup, "linked", "bare")
			}
			h.want(gate.Admitted, "alone")
			require.Contains(t, logs.String(), "group=search", name)
			require.NoError(t, restore())
			changed()
			require.Equal(t, before, h.today("acme", "search"), name)
			h.want(gate.Admitted, "linked", "bare", "alone")
		}
	})
}

// want checks how a request of each of the keys is decided.
func (h *tree) want(reason gate.Reason, keyIDs ...string) {
	h.t.Helper()
	for _, id := range keyIDs {
		d, err := h.gate.Admit(h.t.Context(), gate.Request{KeyID: id})
		require.NoError(h.t, err)
		require.Equal(h.t, reason, d.Reason, id)
		require.Equal(h.t, reason == gate.Admitted, d.Allowed)
		if reason == gate.NoGroup {
			require.Empty(h.t, d.Limits())
			require.Empty(h.t, d.Subject())
			require.EqualError(h.t, d.Err(), "gate: refused: no_group")
		}
	}
}

// TestGroupsOutOfShape has groups that only another program can make: a cycle, a group
// that is its own parent, four levels, and a root that got a parent. Keys of these groups
// are refused until the groups are mended.
func TestGroupsOutOfShape(t *testing.T) {
	type groups map[string]string // the parents, by ID
	for name, c := range map[string]struct {
		bad    groups
		mended groups // what changes
		fine   string // a group that is in shape all the time
	}{
		"a cycle":              {groups{"a": "b", "b": "a", "k": "a"}, groups{"b": ""}, ""},
		"a cycle of three":     {groups{"a": "b", "b": "c", "c": "a", "k": "a"}, groups{"a": ""}, ""},
		"its own parent":       {groups{"k": "k"}, groups{"k": ""}, ""},
		"four levels":          {groups{"a": "", "b": "a", "c": "b", "k": "c"}, groups{"c": "a"}, "c"},
		"four levels, cut":     {groups{"a": "", "b": "a", "c": "b", "k": "c"}, groups{"k": ""}, "b"},
		"five levels":          {groups{"a": "", "b": "a", "c": "b", "d": "c", "k": "d"}, groups{"d": "b", "k": "b"}, "c"},
		"a parent is missing":  {groups{"k": "a"}, groups{"a": ""}, ""},
		"the third is missing": {groups{"k": "a", "a": "b"}, groups{"b": ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			forEachView(t, func(t *testing.T, h *tree, logs *bytes.Buffer, changed func()) {
				h.days(map[string]int64{"key": 1000})
				for id, parent := range c.bad {
					require.NoError(t, h.st.InsertGroup(t.Context(), usageplan.Group{ID: id, ParentID: parent}))
				}
				require.NoError(t, h.st.InsertKey(t.Context(), apikey.Key{ID: "key", GroupID: "k", Enabled: true}))
				require.NoError(t, h.plans.Link(t.Context(), "key", "key"))
				if c.fine != "" {
					require.NoError(t, h.st.InsertKey(t.Context(), apikey.Key{ID: "fine", GroupID: c.fine, Enabled: true, Digest: apikey.DigestOf("fine")}))
					require.NoError(t, h.plans.Link(t.Context(), "key", "fine"))
				}
				for range 2 {
					if c.fine != "" {
						h.want(gate.Admitted, "fine")
					}
					h.want(gate.NoGroup, "key")
				}
				require.Contains(t, logs.String(), "group=k key=key")
				for id, parent := range c.mended {
					g, err := h.st.Group(t.Context(), id)
					if err != nil {
						require.NoError(t, h.st.InsertGroup(t.Context(), usageplan.Group{ID: id, ParentID: parent}))
						continue
					}
					g.ParentID = parent
					require.NoError(t, h.st.UpdateGroup(t.Context(), g))
				}
				changed()
				h.want(gate.Admitted, "key")
			})
		})
	}
}

// TestNoGroupStore has stores that keep no groups. A key in a group is refused.
func TestNoGroupStore(t *testing.T) {
	st := memory.New(memory.Config{})
	for name, dir := range map[string]directory{"no groups": silent{st, st}, "one store for each": nil} {
		h := treeOver(t, st, func(cfg *parts) {
			cfg.Plans = silent{st, st}
			if dir != nil {
				cfg.Keys = dir
			}
		})
		if _, err := h.st.Group(t.Context(), "acme"); err != nil {
			h.days(map[string]int64{"key": 10})
			h.group("acme")
			h.member("k", "acme", "key")
			h.member("alone", "", "key")
		}
		h.want(gate.NoGroup, "k")
		h.want(gate.Admitted, "alone")
		_, err := h.gate.GroupUsageByDay(t.Context(), "acme", "", 1)
		require.ErrorIs(t, err, usageplan.ErrNoGroups, name)
		require.ErrorIs(t, h.gate.SetGroupRemaining(t.Context(), "acme", "day", 1), usageplan.ErrNoGroups, name)
	}
}

// TestMissingGroupIsLoggedOnce refuses many keys of a missing group, again and again. The
// log has one line for it, and another one after the group was there and is gone again.
func TestMissingGroupIsLoggedOnce(t *testing.T) {
	forEachView(t, func(t *testing.T, h *tree, logs *bytes.Buffer, changed func()) {
		acme := h.group("acme")
		h.days(map[string]int64{"key": 1000})
		var ids []string
		for i := range 20 {
			ids = append(ids, fmt.Sprint("key-", i))
			h.member(ids[i], "acme", "key")
		}
		for round := range 3 {
			require.NoError(t, h.st.DeleteGroup(t.Context(), "acme", 0))
			changed()
			for range 3 {
				h.want(gate.NoGroup, ids...)
				time.Sleep(10 * time.Second)
			}
			require.Equal(t, round+1, strings.Count(logs.String(), "\n"), logs)
			require.NoError(t, h.st.InsertGroup(t.Context(), acme))
			changed()
			h.want(gate.Admitted, ids...)
		}
	})
}
