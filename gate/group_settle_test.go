package gate_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// newSettling returns a tree with a key of 20 tokens a day, in a team of 15, in an
// organisation of 12, whose throttles have room for 50 requests.
func newSettling(t *testing.T, st *memory.Store, change ...func(*parts)) *tree {
	h := treeOver(t, st, change...)
	h.unit = "tokens"
	h.groups = must(usageplan.NewGroups(st, st, st, usageplan.Config{Units: tokens}))
	for id, n := range map[string]int64{"key": 20, "team": 15, "org": 12} {
		h.plan(usageplan.Plan{ID: id, Quotas: tokensPerDay(n), Throttle: throttle(1e-8, 50)})
	}
	h.group("acme org")
	h.group("acme>search team")
	h.member("k", "search", "key")
	return h
}

// all returns what the organisation, the team and the key have used today.
func (h *tree) all() [3]int64 {
	h.t.Helper()
	g := h.today("acme", "search")
	return [3]int64{g[0], g[1], h.keyToday("key", "k")}
}

// TestGroupsSettle settles the estimate of a request at the key, the team and the
// organisation, again and again. Only the first time counts.
func TestGroupsSettle(t *testing.T) {
	const acme = "quota_exceeded, group acme day"
	for _, c := range []struct {
		estimate, actual int64
		next             string // the outcome of a further request of 1
	}{
		{4, 4, "admitted"}, {4, 1, "admitted"}, {4, 0, "admitted"}, {4, 11, "admitted"}, {12, 11, "admitted"},
		{4, 12, acme}, {4, 14, acme},
		{4, 15, "quota_exceeded, group search day, group acme day"},
		{4, 20, "quota_exceeded, key k day, group search day, group acme day"},
		{1, 1 << 40, "quota_exceeded, key k day, group search day, group acme day"},
	} {
		t.Run(fmt.Sprintf("%d becomes %d", c.estimate, c.actual), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newSettling(t, memory.New(memory.Config{}))
				d := h.admit(gate.Request{KeyID: "k", Costs: costs(c.estimate)})
				require.Equal(t, [3]int64{c.estimate, c.estimate, c.estimate}, h.all())
				for _, actual := range []int64{c.actual, 7, 0} {
					require.NoError(t, h.gate.Settle(t.Context(), &d, costs(actual)))
					require.NoError(t, h.gate.Refund(t.Context(), &d))
				}
				require.Equal(t, [3]int64{c.actual, c.actual, c.actual}, h.all())
				next, text := h.both(gate.Request{KeyID: "k", Costs: costs(1)})
				require.Equal(t, c.next, text)
				if next.Allowed {
					for l := range next.GroupLevels() {
						if !l.IsQuota() {
							require.EqualValues(t, 2, l.Used, "tokens stay spent")
						}
					}
				}
				time.Sleep(24 * time.Hour)
				_, text = h.both(gate.Request{KeyID: "k", Costs: costs(1)})
				require.Equal(t, "admitted", text, "tomorrow")
			})
		})
	}
}

// TestGroupsSettleLater settles a request of yesterday, whose groups have changed since.
// The windows that were charged are corrected.
func TestGroupsSettleLater(t *testing.T) {
	for name, change := range map[string]func(h *tree){
		"nothing": func(*tree) {},
		"the groups are gone": func(h *tree) {
			require.NoError(h.t, h.st.DeleteGroup(h.t.Context(), "search", 0))
			require.NoError(h.t, h.st.DeleteGroup(h.t.Context(), "acme", 0))
		},
		"the plan is gone": func(h *tree) { require.NoError(h.t, h.st.DeletePlan(h.t.Context(), "org", 0)) },
		"other plans":      func(h *tree) { h.update("acme", func(g *usageplan.Group) { g.PlanID = "key" }) },
		"the key is gone":  func(h *tree) { require.NoError(h.t, h.keys.Delete(h.t.Context(), "k")) },
		"the key has left": func(h *tree) { require.NoError(h.t, second(h.groups.MoveKey(h.t.Context(), "k", ""))) },
		"another family": func(h *tree) {
			h.group("blue")
			require.NoError(h.t, second(h.groups.MoveKey(h.t.Context(), "k", "blue")))
		},
		"moved, and back": func(h *tree) {
			h.group("blue")
			for _, id := range []string{"blue", "", "acme", "search"} {
				require.NoError(h.t, second(h.groups.MoveKey(h.t.Context(), "k", id)))
			}
		},
	} {
		for _, actual := range []int64{0, 1, 30} {
			t.Run(fmt.Sprint(name, "/actual=", actual), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := newSettling(t, memory.New(memory.Config{}))
					saved := []usageplan.Group{must(h.st.Group(t.Context(), "acme")), must(h.st.Group(t.Context(), "search"))}
					d := h.admit(gate.Request{KeyID: "k", Costs: costs(5)})
					time.Sleep(25 * time.Hour)
					h.admit(gate.Request{KeyID: "k", Costs: costs(1)})
					change(h)
					require.NoError(t, h.gate.Settle(t.Context(), &d, costs(actual)))
					for _, g := range saved {
						_ = h.st.InsertGroup(t.Context(), g)
						days, err := h.gate.GroupUsageByDay(t.Context(), g.ID, "tokens", 2)
						require.NoError(t, err)
						require.Equal(t, []int64{actual, 1}, used(days), g.ID)
					}
					if name == "the key is gone" {
						return
					}
					days, err := h.gate.UsageByDay(t.Context(), "key", "k", "tokens", 2)
					require.NoError(t, err)
					require.Equal(t, []int64{actual, 1}, used(days))
				})
			})
		}
	}
}

// TestGroupsRefundID gives a request with an ID back. A retry is charged again, to every
// payer. After a settlement, a retry is still a repetition.
func TestGroupsRefundID(t *testing.T) {
	h := newSettling(t, memory.New(memory.Config{}))
	for i, step := range []struct {
		repeated bool
		refund   bool
		settle   int64
		used     int64
	}{{false, true, 0, 0}, {false, true, 0, 0}, {false, false, 3, 3}, {true, true, 0, 3}, {true, false, 9, 3}} {
		d := h.admit(gate.Request{KeyID: "k", ID: "order 1", Costs: costs(2)})
		require.Equal(t, step.repeated, d.Repeated, i)
		if step.refund {
			require.NoError(t, h.gate.Refund(t.Context(), &d))
		} else {
			require.NoError(t, h.gate.Settle(t.Context(), &d, costs(step.settle)))
		}
		require.Equal(t, [3]int64{step.used, step.used, step.used}, h.all(), i)
	}
}

// TestGroupsSettleRefused settles more than can be counted for the organisation together
// with its other keys. Nothing changes at any payer, and Settle may be called again.
func TestGroupsSettleRefused(t *testing.T) {
	h := newSettling(t, memory.New(memory.Config{}))
	h.member("other", "acme")
	h.admit(gate.Request{KeyID: "other", Costs: costs(2)})
	d := h.admit(gate.Request{KeyID: "k", Costs: costs(3)})
	err := h.gate.Settle(t.Context(), &d, costs(store.MaxUnits-1))
	require.ErrorIs(t, err, gate.ErrInvalid)
	require.ErrorContains(t, err, "beside the rest")
	require.Equal(t, [3]int64{5, 3, 3}, h.all())
	require.NoError(t, h.gate.Settle(t.Context(), &d, costs(store.MaxUnits-2)))
	require.Equal(t, [3]int64{store.MaxUnits, store.MaxUnits - 2, store.MaxUnits - 2}, h.all())
}

// TestGroupsSettleFails lets the Counter fail a settlement. If it says that nothing was
// taken, Settle may be called again. Otherwise another call has no effect.
func TestGroupsSettleFails(t *testing.T) {
	for _, fails := range []error{store.ErrNotTaken, errBroken} {
		var now error
		h := newSettling(t, memory.New(memory.Config{}), func(cfg *parts) {
			cfg.Counter, cfg.Timeout = failing{cfg.Counter, func(*store.Charge) error { return now }}, time.Minute
		})
		d := h.admit(gate.Request{KeyID: "k", Costs: costs(3)})
		now = fails
		require.ErrorIs(t, h.gate.Settle(t.Context(), &d, costs(1)), fails)
		now = nil
		require.NoError(t, h.gate.Settle(t.Context(), &d, costs(2)))
		want := int64(2)
		if fails == errBroken {
			want = 3
		}
		require.Equal(t, [3]int64{want, want, want}, h.all())
	}
}

// TestGroupsSettleApart settles a request of a key that has left its family, over a
// Counter that keeps families apart. Each payer is corrected by itself. An error at one
// of them is reported, and keeps none of the others from its correction.
func TestGroupsSettleApart(t *testing.T) {
	for name, c := range map[string]struct {
		subject string // of the correction that is disturbed
		err     error  // of that correction
		moves   bool   // the key moves once more before it
		actual  int64
		want    [3]int64 // of the organisation, the team and the key
		text    string   // of the error of Settle
		again   bool     // nothing has changed, and another Settle corrects all
	}{
		"all corrected":            {actual: 1, want: [3]int64{3, 1, 1}},
		"above the limits":         {actual: 99, want: [3]int64{101, 99, 99}},
		"the key moves again":      {subject: "@blue>k/key", moves: true, actual: 1, want: [3]int64{3, 1, 1}},
		"the key, not taken":       {subject: "@blue>k/key", err: store.ErrNotTaken, actual: 1, want: [3]int64{7, 5, 5}, text: "not taken", again: true},
		"the key, perhaps taken":   {subject: "@blue>k/key", err: errBroken, actual: 1, want: [3]int64{3, 1, 5}, text: "2 of 3 payers were corrected: subject \"@blue>k/key\": broken"},
		"the team":                 {subject: "@acme>@search", err: store.ErrNotTaken, actual: 1, want: [3]int64{3, 5, 1}, text: "2 of 3 payers were corrected: subject \"@acme>@search\": store: not taken"},
		"the organisation":         {subject: "@acme", err: errBroken, actual: 1, want: [3]int64{7, 1, 1}, text: "2 of 3 payers were corrected: subject \"@acme\": broken"},
		"more than can be counted": {actual: store.MaxUnits, want: [3]int64{7, store.MaxUnits, store.MaxUnits}, text: "2 of 3 payers were corrected: subject \"@acme\": more than can be counted"},
	} {
		t.Run(name, func(t *testing.T) {
			st, armed := memory.New(memory.Config{}), false
			var h *tree
			h = newSettling(t, st, func(cfg *parts) {
				cfg.Timeout = time.Minute
				cfg.Counter = separate{failing{st, func(charge *store.Charge) error {
					if !armed || len(charge.Parts) != 1 || charge.Parts[0].Subject != c.subject {
						return nil
					}
					armed = false
					if c.moves {
						require.NoError(t, second(h.groups.MoveKey(t.Context(), "k", "")))
					}
					return c.err
				}}}
			})
			h.group("blue")
			h.member("other", "acme")
			h.admit(gate.Request{KeyID: "other", Costs: costs(2)})
			d := h.admit(gate.Request{KeyID: "k", Costs: costs(5)})
			require.NoError(t, second(h.groups.MoveKey(t.Context(), "k", "blue")))
			armed = true
			err := h.gate.Settle(t.Context(), &d, costs(c.actual))
			if c.text == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.text)
			}
			require.Equal(t, c.want, h.all())
			require.NoError(t, h.gate.Settle(t.Context(), &d, costs(c.actual)))
			if c.again {
				c.want = [3]int64{c.actual + 2, c.actual, c.actual}
			}
			require.Equal(t, c.want, h.all())
		})
	}
}
