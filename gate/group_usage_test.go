package gate_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestGroupUsage is a timeline over three days of what two teams use. It reads the
// reports of the groups and of the keys.
func TestGroupUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newTokenTree(t), t.Context()
		h.days(map[string]int64{"key": 100, "other": 100})
		h.plan(usageplan.Plan{ID: "org", Quotas: quotasOf("1000 tokens/day as day", "5000 tokens/month as month")})
		for _, g := range []string{"acme org", "acme>search", "search>deep", "acme>help"} {
			h.group(g)
		}
		h.member("crawler", "deep", "key")
		h.member("ranker", "search")
		h.member("bot", "help", "key")
		h.member("alone", "", "key")
		for _, step := range []struct {
			after time.Duration
			key   string
			cost  int64
		}{{0, "crawler", 3}, {0, "ranker", 4}, {0, "alone", 50}, {25 * time.Hour, "bot", 5}, {0, "crawler", 1}, {24 * time.Hour, "ranker", 2}} {
			time.Sleep(step.after)
			require.True(t, h.admit(gate.Request{KeyID: step.key, Costs: costs(step.cost)}).Allowed)
		}
		for id, want := range map[string][]int64{"acme": {0, 7, 6, 2}, "search": {0, 7, 1, 2}, "deep": {0, 3, 1, 0}, "help": {0, 0, 5, 0}} {
			days, err := h.gate.GroupUsageByDay(ctx, id, "tokens", 4)
			require.NoError(t, err)
			require.Equal(t, want, used(days), id)
		}
		for _, c := range []struct {
			plan, key string
			want      []int64
		}{
			{"key", "crawler", []int64{3, 1, 0}}, {"", "crawler", []int64{3, 1, 0}}, {"", "ranker", []int64{4, 0, 2}},
			{"key", "bot", []int64{0, 5, 0}}, {"key", "alone", []int64{50, 0, 0}}, {"", "alone", []int64{50, 0, 0}},
		} {
			days, err := h.gate.UsageByDay(ctx, c.plan, c.key, "tokens", 3)
			require.NoError(t, err)
			require.Equal(t, c.want, used(days), c.key)
		}
		days, err := h.gate.GroupUsageByWindow(ctx, "acme", "day", 3)
		require.NoError(t, err)
		require.Equal(t, []int64{7, 6, 2}, used(days))
		month, err := h.gate.GroupUsageByWindow(ctx, "acme", "month", 1)
		require.NoError(t, err)
		require.Equal(t, []int64{15}, used(month))
		require.EqualValues(t, 5000, month[0].Limit)

		all := map[string][]int64{}
		for u, err := range h.gate.PlanUsage(ctx, "key", "tokens", 3) {
			require.NoError(t, err)
			all[u.KeyID] = used(u.Days)
		}
		require.Equal(t, map[string][]int64{"crawler": {3, 1, 0}, "bot": {0, 5, 0}, "alone": {50, 0, 0}}, all)
	})
}

// TestSetGroupRemaining sets what remains of an organisation's quota. All keys of all of
// its teams find it, and the usage record stays as it is.
func TestSetGroupRemaining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newTree(t), t.Context()
		h.days(map[string]int64{"org": 5})
		h.group("acme org")
		h.group("acme>search org")
		h.update("search", func(g *usageplan.Group) { g.Quotas = quotasOf("9/hour") })
		h.member("a", "acme")
		h.member("b", "search")
		for i, step := range []struct {
			after  time.Duration
			set    int64 // what remains of acme's day; -1 sets nothing
			hour   int64 // what remains of search's hour
			key    string
			admits int
			used   int64 // of acme's record today
		}{
			{0, -1, -1, "a", 5, 5}, {0, 2, -1, "b", 2, 7}, {0, 2, -1, "a", 2, 9}, {0, 0, -1, "a", 0, 9},
			{0, 50, 1, "b", 1, 10}, {0, 8, -1, "a", 8, 18}, {24 * time.Hour, -1, -1, "b", 5, 5},
		} {
			time.Sleep(step.after)
			if step.set >= 0 {
				require.NoError(t, h.gate.SetGroupRemaining(ctx, "acme", "day", step.set))
				require.NoError(t, h.gate.SetGroupRemaining(ctx, "acme", "day", step.set), "repeated")
			}
			if step.hour >= 0 {
				require.NoError(t, h.gate.SetGroupRemaining(ctx, "search", "hour", step.hour))
			}
			admitted := 0
			for h.admit(gate.Request{KeyID: step.key}).Allowed {
				admitted++
			}
			require.Equal(t, step.admits, admitted, i)
			require.Equal(t, []int64{step.used}, h.today("acme"), i)
		}
	})
}

// TestGroupUsageErrors asks for reports that cannot be.
func TestGroupUsageErrors(t *testing.T) {
	h, ctx := newTree(t), t.Context()
	h.days(map[string]int64{"org": 5, "gone": 5})
	for _, g := range []string{"acme org", "free", "none gone", "top", "top>below org"} {
		h.group(g)
	}
	h.update("acme", func(g *usageplan.Group) { g.Quotas = quotasOf("3/hour") })
	h.member("k", "below")
	require.NoError(t, h.st.DeletePlan(ctx, "gone", 0))
	require.NoError(t, h.st.DeleteGroup(ctx, "top", 0))
	require.NoError(t, h.st.InsertGroup(ctx, usageplan.Group{ID: "cycle", ParentID: "cycle"}))
	byDay := func(id string, n int) error { return second(h.gate.GroupUsageByDay(ctx, id, "", n)) }
	byWindow := func(id, name string, n int) error { return second(h.gate.GroupUsageByWindow(ctx, id, name, n)) }
	for i, c := range []struct {
		err   error
		wraps error
		text  string
	}{
		{byDay("acme", 0), gate.ErrInvalid, "days: 0: want 1 to"},
		{byDay("acme", quota.MaxWindows+1), gate.ErrInvalid, "days: "},
		{byDay("missing", 1), usageplan.ErrNotFound, "group missing"},
		{byDay("", 1), usageplan.ErrNotFound, `group ""`},
		{byDay("below", 1), usageplan.ErrNotFound, "group top"},
		{byDay("cycle", 1), usageplan.ErrInvalid, "group cycle"},
		{byWindow("acme", "hour", 0), gate.ErrInvalid, "n: 0: want 1 to"},
		{byWindow("acme", "day", 1), usageplan.ErrNotFound, `quota "day" of group acme`},
		{byWindow("free", "day", 1), usageplan.ErrNotFound, `quota "day" of group free`},
		{byWindow("none", "day", 1), usageplan.ErrNotFound, "plan gone"},
		{byWindow("missing", "day", 1), usageplan.ErrNotFound, "group missing"},
		{byWindow("", "day", 1), usageplan.ErrNotFound, `group ""`},
		{h.gate.SetGroupRemaining(ctx, "acme", "hour", -1), gate.ErrInvalid, "remaining: -1: want 0 to"},
		{h.gate.SetGroupRemaining(ctx, "acme", "hour", 1<<53-1), gate.ErrInvalid, "remaining: "},
		{h.gate.SetGroupRemaining(ctx, "acme", "day", 1), usageplan.ErrNotFound, `quota "day" of group acme`},
		{h.gate.SetGroupRemaining(ctx, "below", "day", 1), usageplan.ErrNotFound, "group top"},
		{h.gate.SetGroupRemaining(ctx, "", "day", 1), usageplan.ErrNotFound, `group ""`},
		{second(h.gate.UsageByDay(ctx, "", "k", "", 1)), usageplan.ErrNotFound, "group top"},
		{second(h.gate.UsageByDay(ctx, "", "missing", "", 1)), apikey.ErrNotFound, "key missing"},
		{second(h.gate.UsageByDay(ctx, "org", "k", "", 1)), usageplan.ErrNotFound, ""},
	} {
		require.ErrorIs(t, c.err, c.wraps, i)
		require.ErrorContains(t, c.err, c.text, i)
	}
}

// TestUsageOfTheLastGroup deletes the only group. What its key has used cannot be found,
// and nothing is read or set as if the key were in no group.
func TestUsageOfTheLastGroup(t *testing.T) {
	h, ctx := newTokenTree(t), t.Context()
	h.days(map[string]int64{"key": 10})
	h.group("acme")
	h.member("k", "acme", "key")
	h.admit(gate.Request{KeyID: "k", Costs: costs(3)})
	require.NoError(t, h.st.DeleteGroup(ctx, "acme", 0))
	var reported error
	for _, err := range h.gate.PlanUsage(ctx, "key", h.unit, 1) {
		reported = err
	}
	for i, err := range []error{
		second(h.gate.UsageByDay(ctx, "key", "k", "", 1)), second(h.gate.UsageByDay(ctx, "", "k", "", 1)),
		second(h.gate.UsageByWindow(ctx, "key", "k", "day", 1)), h.gate.SetRemaining(ctx, "key", "k", "day", 5), reported,
	} {
		require.ErrorIs(t, err, usageplan.ErrNotFound, i)
		require.ErrorContains(t, err, "group acme", i)
	}
	h.group("acme")
	require.EqualValues(t, 3, h.keyToday("key", "k"))
}

// TestPlanUsageOfManyGroups reports a plan whose keys are in many groups. Each key is
// read once, and each group once for a page of links.
func TestPlanUsageOfManyGroups(t *testing.T) {
	h, ctx := newTokenTree(t), t.Context()
	h.days(map[string]int64{"key": 100})
	want := map[string]int64{}
	for i := range 250 {
		group := fmt.Sprint("group-", i%7)
		if i < 7 {
			h.group(group)
		}
		if i%10 == 0 {
			group = ""
		}
		id := fmt.Sprint("key-", i)
		h.member(id, group, "key")
		want[id] = int64(i%3 + 1)
		require.True(t, h.admit(gate.Request{KeyID: id, Costs: costs(want[id])}).Allowed)
	}
	got := map[string]int64{}
	for u, err := range h.gate.PlanUsage(ctx, "key", h.unit, 1) {
		require.NoError(t, err)
		got[u.KeyID] = u.Days[0].Used
	}
	require.Equal(t, want, got)

	// The use of a key whose group is missing cannot be found. The report ends with an
	// error that names the group, and has no wrong figures.
	require.NoError(t, h.st.DeleteGroup(ctx, "group-3", 0))
	var last error
	for u, err := range h.gate.PlanUsage(ctx, "key", h.unit, 1) {
		if last = err; err == nil {
			require.Equal(t, want[u.KeyID], u.Days[0].Used)
		}
	}
	require.ErrorIs(t, last, usageplan.ErrNotFound)
	require.ErrorContains(t, last, "group group-3")
}
