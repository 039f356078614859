package usageplan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// quotasOf returns n quotas with names.
func quotasOf(n int) []quota.Quota {
	list := []quota.Quota{}
	for i := range n {
		list = append(list, quota.Quota{Name: fmt.Sprint("q", i), Limit: 9, Period: quota.Year})
	}
	return list
}

// throttlesOf returns n throttles with names.
func throttlesOf(n int) []usageplan.Throttle {
	list := []usageplan.Throttle{}
	for i := range n {
		list = append(list, usageplan.Throttle{Name: fmt.Sprint("t", i), Limit: limiter.PerSecond(9)})
	}
	return list
}

// tokens returns a throttle and a quota of a unit.
func tokens(unit string) ([]usageplan.Throttle, []quota.Quota) {
	return []usageplan.Throttle{{Limit: limiter.PerSecond(9), Unit: unit}}, []quota.Quota{{Limit: 9, Unit: unit, Period: quota.Year}}
}

// TestLimitFaults checks the rules of throttles and quotas in a plan, a link and a group.
func TestLimitFaults(t *testing.T) {
	reserved := `want a unique name ("throttle", "use" and names that begin with "use " or "throttle " are reserved): in a text, add " as NAME"`
	throttled, counted := tokens("tokens")
	for _, c := range []struct {
		throttles []usageplan.Throttle
		quotas    []quota.Quota
		want      string // empty if there is no fault
	}{
		{nil, nil, ""},
		{throttled, counted, ""},
		{throttlesOf(9), nil, ""},
		{nil, quotasOf(9), ""},
		{throttlesOf(4), quotasOf(5), ""},
		{throttlesOf(5), quotasOf(5), "throttles, quotas: 10 of them: want at most 9"},
		{throttlesOf(10), nil, "throttles, quotas: 10 of them: want at most 9"},
		{append(throttled, throttled...), nil, `throttles[1].name: "tokens": ` + reserved},
		{[]usageplan.Throttle{{}, {Unit: "requests"}}, nil, `throttles[1].name: "requests": ` + reserved},
		{throttled, []quota.Quota{{Name: "tokens", Period: quota.Day}}, `quotas[0].name: "tokens": ` + reserved},
		{[]usageplan.Throttle{{Name: "tokens/year"}}, counted, `quotas[0].name: "tokens/year": ` + reserved},
		{[]usageplan.Throttle{{Name: "throttle"}, {Name: "use"}, {Name: "use x"}, {Name: "throttle x"}}, nil,
			`throttles[0].name: "throttle": ` + reserved + "\n" + `throttles[1].name: "use": ` + reserved + "\n" +
				`throttles[2].name: "use x": ` + reserved + "\n" + `throttles[3].name: "throttle x": ` + reserved},
		{[]usageplan.Throttle{{Limit: limiter.PerSecond(-1), Unit: "?", Name: "\n"}}, []quota.Quota{{Limit: -1, Unit: "?", Period: quota.Day}},
			"throttles[0].burst: -1: want 0 or more\nthrottles[0].rate: -1 a second: want 0, 1e-8 to 1e12, or rate.Inf\n" +
				"throttles[0].unit: \"?\": want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first\n" +
				"throttles[0].name: \"\\n\": want up to 128 visible ASCII characters or spaces\n" +
				"quotas[0].limit: -1: want 0 to 2^53-2\n" +
				"quotas[0].unit: \"?\": want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first"},
		{[]usageplan.Throttle{{Limit: limiter.MustParse("unlimited")}}, nil, "throttles[0].rate: unlimited: want a rate, or no such throttle"},
	} {
		plan := usageplan.Plan{Throttles: c.throttles, Quotas: c.quotas}
		link := usageplan.Link{PlanID: "p", KeyID: "k", Allowance: "p", Throttles: c.throttles, Quotas: c.quotas}
		group := usageplan.Group{PlanID: "p", Throttles: c.throttles, Quotas: c.quotas}
		for what, err := range map[string]error{"plan": plan.Validate(), "link": link.Validate(), "group": group.Validate()} {
			if c.want == "" {
				require.NoError(t, err, "%+v", plan)
				continue
			}
			require.ErrorIs(t, err, usageplan.ErrInvalid)
			require.EqualError(t, err, "usageplan: invalid "+what+": "+c.want)
		}
	}
}

// TestUndeclaredUnits checks that no method writes a unit that is not declared.
func TestUndeclaredUnits(t *testing.T) {
	h := newUnits(t)
	ctx := t.Context()
	throttles, quotas := tokens("tokns")
	plan, link := usageplan.Plan{ID: "bad", Throttles: throttles, Quotas: quotas}, usageplan.Link{PlanID: "pro", KeyID: "k2", Throttles: throttles, Quotas: quotas}
	group := usageplan.Group{ID: "bad", PlanID: "pro", Throttles: throttles, Quotas: quotas}
	const want = `throttles[0].unit: "tokns": want one that is declared: requests, tokens, micro_usd` + "\n" +
		`quotas[0].unit: "tokns": want one that is declared: requests, tokens, micro_usd`
	before := h.all()
	for what, err := range map[string]error{
		"plan: create":    second(h.plans.Create(ctx, plan)),
		"plan: put":       second(h.plans.Put(ctx, plan)),
		"plan: put pro":   second(h.plans.Put(ctx, usageplan.Plan{ID: "pro", Throttles: throttles, Quotas: quotas})),
		"plan: update":    second(h.plans.Update(ctx, "pro", func(p *usageplan.Plan) error { p.Throttles, p.Quotas = throttles, quotas; return nil })),
		"link: add":       second(h.plans.AddLink(ctx, link)),
		"link: spare":     second(h.plans.AddSpareLink(ctx, link)),
		"link: update":    second(h.plans.UpdateLink(ctx, "pro", "k", func(l *usageplan.Link) error { l.Throttles, l.Quotas = throttles, quotas; return nil })),
		"group: create":   second(h.groups.Create(ctx, group)),
		"group: put":      second(h.groups.Put(ctx, group)),
		"group: put acme": second(h.groups.Put(ctx, usageplan.Group{ID: "acme", PlanID: "pro", Throttles: throttles, Quotas: quotas})),
		"group: update":   second(h.groups.Update(ctx, "acme", func(g *usageplan.Group) error { g.Throttles, g.Quotas = throttles, quotas; return nil })),
	} {
		kind, _, _ := strings.Cut(what, ":")
		require.ErrorIs(t, err, usageplan.ErrInvalid, what)
		require.EqualError(t, err, "usageplan: invalid "+kind+": "+want, what)
	}
	require.Equal(t, before, h.all(), "nothing is written")

	// A name that no unit can have is one fault, not two.
	throttles, _ = tokens("Tokens")
	_, err := h.plans.Put(ctx, usageplan.Plan{ID: "bad", Throttles: throttles})
	require.ErrorContains(t, err, "unit")
	require.Equal(t, 1, strings.Count(err.Error(), "throttles[0].unit:"))
}

// units holds the services of a program with units: the plan pro, the key k with a link
// to it, the key k2 without a link, and the group acme with the plan.
type units struct {
	t      *testing.T
	st     *memory.Store
	plans  *usageplan.Service
	groups *usageplan.Groups
}

func newUnits(t *testing.T) *units {
	st, cfg, ctx := memory.New(memory.Config{}), usageplan.Config{Units: declared}, t.Context()
	h := &units{t, st, must(usageplan.NewService(st, st, cfg)), must(usageplan.NewGroups(st, st, st, cfg))}
	keys := must(apikey.NewService(st, apikey.Config{}))
	for _, id := range []string{"k", "k2"} {
		_, _, err := keys.Create(ctx, apikey.Key{ID: id, Enabled: true})
		require.NoError(t, err)
	}
	_, err := h.plans.Put(ctx, usageplan.Plan{ID: "pro"})
	require.NoError(t, err)
	require.NoError(t, h.plans.Link(ctx, "pro", "k"))
	_, err = h.groups.Put(ctx, usageplan.Group{ID: "acme", PlanID: "pro"})
	require.NoError(t, err)
	return h
}

// all returns every plan, link and group.
func (h *units) all() (all []any) {
	for p, err := range h.plans.All(h.t.Context()) {
		require.NoError(h.t, err)
		all = append(all, p)
	}
	for _, id := range []string{"k", "k2"} {
		links, err := h.plans.KeyLinks(h.t.Context(), id)
		require.NoError(h.t, err)
		all = append(all, links)
	}
	for g, err := range h.groups.All(h.t.Context(), usageplan.GroupFilter{}) {
		require.NoError(h.t, err)
		all = append(all, g)
	}
	return all
}

func (h *units) plan(throttles []usageplan.Throttle, quotas []quota.Quota) error {
	_, err := h.plans.Put(h.t.Context(), usageplan.Plan{ID: "pro", Throttles: throttles, Quotas: quotas})
	return err
}

// override gives the link of k, or the group acme, limits of its own.
func (h *units) override(of string, throttles []usageplan.Throttle, quotas []quota.Quota) error {
	if of == "group" {
		_, err := h.groups.Put(h.t.Context(), usageplan.Group{ID: "acme", PlanID: "pro", Throttles: throttles, Quotas: quotas})
		return err
	}
	_, err := h.plans.UpdateLink(h.t.Context(), "pro", "k", func(l *usageplan.Link) error { l.Throttles, l.Quotas = throttles, quotas; return nil })
	return err
}

// TestAuditOfUnits checks that Audit shows each plan, link and group that names a unit
// that is not declared, and overrides that do not fit beside their plan. A Gate refuses
// their keys.
func TestAuditOfUnits(t *testing.T) {
	h := newUnits(t)
	ctx := t.Context()
	throttles, quotas := tokens("tokens")
	require.NoError(t, h.plan(throttles, quotas))
	require.NoError(t, h.override("link", throttles, nil))
	require.NoError(t, h.override("group", nil, quotas))
	audit, err := h.plans.Audit(ctx)
	require.NoError(t, err)
	require.Empty(t, audit.Invalid)

	// Another process has fewer units.
	fewer := must(usageplan.NewService(h.st, h.st, usageplan.Config{Units: declared[1:]}))
	audit, err = fewer.Audit(ctx)
	require.NoError(t, err)
	const rule = `.unit: "tokens": want one that is declared: requests, micro_usd`
	require.Equal(t, []usageplan.InvalidRecord{
		{PlanID: "pro", KeyID: "k", Fault: "usageplan: invalid link: throttles[0]" + rule},
		{GroupID: "acme", Fault: "usageplan: invalid group: quotas[0]" + rule},
		{PlanID: "pro", Fault: "usageplan: invalid plan: throttles[0]" + rule + "\nquotas[0]" + rule},
	}, audit.Invalid)
	g := must(gate.New(h.st, h.st, h.st, gate.Config{Units: declared[1:]}))
	defer g.Close()
	_, err = g.Admit(ctx, gate.Request{KeyID: "k"})
	require.Error(t, err)

	// Two concurrent changes, each of which was valid.
	p, err := h.plans.Get(ctx, "pro")
	require.NoError(t, err)
	p.Throttles = throttlesOf(9)
	require.NoError(t, h.st.UpdatePlan(ctx, p))
	audit, err = h.plans.Audit(ctx)
	require.NoError(t, err)
	const many = "with the other limits of plan pro: throttles, quotas: 10 of them: want at most 9"
	require.Equal(t, []usageplan.InvalidRecord{
		{GroupID: "acme", Fault: "usageplan: invalid group: " + many},
		{PlanID: "pro", Fault: "usageplan: invalid plan: throttles, quotas: 10 of them: want at most 9"},
	}, audit.Invalid)

	// A group without its plan is reported for both.
	require.NoError(t, h.st.DeletePlan(ctx, "pro", 0))
	audit, err = fewer.Audit(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"acme"}, audit.BrokenGroups)
	require.Equal(t, []usageplan.InvalidRecord{{GroupID: "acme", Fault: "usageplan: invalid group: quotas[0]" + rule}}, audit.Invalid)
}
