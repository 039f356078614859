package gate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// tree is a fixture with groups. It keeps keys, plans and groups in memory. The Counter
// may be another store.
type tree struct {
	*fixture
	groups *usageplan.Groups
	unit   string // of the plans of days, and of reports; "" is requests
}

func newTree(t *testing.T, change ...func(*parts)) *tree {
	return treeOver(t, memory.New(memory.Config{}), change...)
}

// newTokenTree returns a tree whose plans and reports are about tokens.
func newTokenTree(t *testing.T, change ...func(*parts)) *tree {
	h := newTree(t, change...)
	h.unit = "tokens"
	return h
}

// treeOver returns a tree whose records are in st. The Gate may see them through a store
// that change sets. The service has the unit tokens.
func treeOver(t *testing.T, st *memory.Store, change ...func(*parts)) *tree {
	var last parts
	h := newFixture(t, append([]func(*parts){func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter, cfg.Units = st, st, st, tokens }}, append(change, func(cfg *parts) {
		last = *cfg
	})...)...)
	h.st = st
	services := usageplan.Config{Units: last.Units}
	h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, services))
	return &tree{fixture: h, groups: must(usageplan.NewGroups(st, st, h.gate.Counter(), services))}
}

// days creates plans whose quota by the day is the number. Their IDs are the names.
func (h *tree) days(plans map[string]int64) {
	for id, n := range plans {
		h.plan(usageplan.Plan{ID: id, Quotas: []quota.Quota{{Name: "day", Limit: n, Unit: h.unit, Period: quota.Day}}})
	}
}

// group creates a group. The text is "id", "id plan", "parent>id" or "parent>id plan".
func (h *tree) group(text string) usageplan.Group {
	h.t.Helper()
	var g usageplan.Group
	path, planID, _ := strings.Cut(text, " ")
	g.ID, g.PlanID = path, planID
	if parent, id, ok := strings.Cut(path, ">"); ok {
		g.ID, g.ParentID = id, parent
	}
	g, err := h.groups.Create(h.t.Context(), g)
	require.NoError(h.t, err)
	return g
}

// member creates a key in a group, or in none, and links it to plans.
func (h *tree) member(id, groupID string, plans ...string) apikey.Secret {
	h.t.Helper()
	_, secret, err := h.keys.Create(h.t.Context(), apikey.Key{ID: id, GroupID: groupID, Enabled: true})
	require.NoError(h.t, err)
	for _, p := range plans {
		require.NoError(h.t, h.plans.Link(h.t.Context(), p, id))
	}
	return secret
}

func (h *tree) update(groupID string, change func(*usageplan.Group)) {
	h.t.Helper()
	require.NoError(h.t, second(h.groups.Update(h.t.Context(), groupID, func(g *usageplan.Group) error { change(g); return nil })))
}

// today returns what groups have used today, in their order.
func (h *tree) today(groupIDs ...string) (used []int64) {
	h.t.Helper()
	for _, id := range groupIDs {
		days, err := h.gate.GroupUsageByDay(h.t.Context(), id, h.unit, 1)
		require.NoError(h.t, err)
		used = append(used, days[0].Used)
	}
	return used
}

// keyToday returns what a key has used today under a plan, or without one.
func (h *tree) keyToday(planID, keyID string) int64 {
	h.t.Helper()
	days, err := h.gate.UsageByDay(h.t.Context(), planID, keyID, h.unit, 1)
	require.NoError(h.t, err)
	return days[0].Used
}

// outcome returns the reason of a decision, and the payers and limits that refused.
func outcome(o *gate.Outcome) string {
	text := o.Reason.String()
	for l := range o.Refusals() {
		text += fmt.Sprintf(", %v %s", l.Payer, l.Name)
	}
	return text
}

// both does what ask does, and also returns the outcome.
func (h *tree) both(req gate.Request) (*gate.Decision, string) {
	h.t.Helper()
	d := h.ask(req)
	return d, outcome(&d.Outcome)
}
