package usageplan_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestOverridesBesideClasses checks that a link and a group cannot have limits that are
// too many, or have names that clash, together with those of the plan for classes and
// routes, which they never replace. The order in which the two are written does not
// matter.
func TestOverridesBesideClasses(t *testing.T) {
	four := forAll{"opus": {Throttles: throttlesOf(2), Quotas: quotasOf(1)}, "GET /a": {Quotas: quotasOf(1)}}
	const most = "with the other limits of plan pro: for: a request can meet 10 throttles and quotas: want at most 9"
	for _, of := range []string{"link", "group"} {
		for i, c := range []struct {
			plan      usageplan.Limits // beside four
			throttles []usageplan.Throttle
			quotas    []quota.Quota
			want      string
		}{
			{usageplan.Limits{}, throttlesOf(2), quotasOf(3), ""},
			{usageplan.Limits{}, throttlesOf(2), quotasOf(4), most},
			{usageplan.Limits{Throttles: throttlesOf(5)}, throttlesOf(1), quotasOf(4), ""},
			{usageplan.Limits{Throttles: throttlesOf(3)}, nil, quotasOf(2), ""},
			{usageplan.Limits{Throttles: throttlesOf(3)}, nil, quotasOf(3), most},
			{usageplan.Limits{Quotas: quotasOf(3)}, throttlesOf(3), nil, most},
			{usageplan.Limits{Quotas: quotasOf(3)}, throttlesOf(3), []quota.Quota{}, ""},
			{usageplan.Limits{Throttles: throttlesOf(5)}, nil, nil, ""},
			{usageplan.Limits{}, []usageplan.Throttle{{Name: "opus q0"}}, []quota.Quota{}, `with the other limits of plan pro: for["opus"].quotas[0].name: "opus q0": ` + uniqueRule},
			{usageplan.Limits{}, []usageplan.Throttle{}, []quota.Quota{{Name: "opus t1", Period: quota.Day}},
				`with the other limits of plan pro: for["opus"].throttles[1].name: "opus t1": ` + uniqueRule},
			{usageplan.Limits{}, nil, []quota.Quota{{Name: "GET /a q0", Period: quota.Day}}, `with the other limits of plan pro: for["GET /a"].quotas[0].name: "GET /a q0": ` + uniqueRule},
		} {
			for order := range 2 {
				h := newUnits(t)
				put := func() error {
					return second(h.plans.Put(t.Context(), usageplan.Plan{ID: "pro", Throttles: c.plan.Throttles, Quotas: c.plan.Quotas, For: four}))
				}
				override := func() error { return h.override(of, c.throttles, c.quotas) }
				first, then := put, override
				if order == 1 {
					first, then = then, first
				}
				require.NoError(t, first(), "%d %s", i, of)
				before := h.all()
				err := then()
				if c.want == "" {
					require.NoError(t, err, "%d %s", i, of)
					continue
				}
				require.ErrorIs(t, err, usageplan.ErrInvalid, "%d %s", i, of)
				require.ErrorContains(t, err, c.want)
				require.ErrorContains(t, err, of)
				require.Equal(t, before, h.all(), "nothing is written")
			}
		}
	}

	h, ctx := newUnits(t), t.Context()
	_, err := h.plans.Put(ctx, usageplan.Plan{ID: "pro", For: four})
	require.NoError(t, err)
	_, err = h.plans.AddLink(ctx, usageplan.Link{PlanID: "pro", KeyID: "k2", Throttles: throttlesOf(3), Quotas: quotasOf(3)})
	require.EqualError(t, err, "usageplan: invalid link: "+most)
	_, err = h.groups.Create(ctx, usageplan.Group{ID: "new", PlanID: "pro", Throttles: throttlesOf(3), Quotas: quotasOf(3)})
	require.EqualError(t, err, "usageplan: invalid group new: "+most)
}

// TestUpdateOfClasses checks when a change of the limits of classes reads the links and
// groups of the plan: not if each limit was there before.
func TestUpdateOfClasses(t *testing.T) {
	h, ctx := newUnits(t), t.Context()
	_, err := h.plans.Put(ctx, usageplan.Plan{ID: "pro", For: forAll{"opus": {Quotas: quotasOf(2)}, "GET": {Quotas: []quota.Quota{{Name: "/a day", Period: quota.Day}}}}})
	require.NoError(t, err)
	plans := must(usageplan.NewService(h.st, failing{Store: h.st, at: "PlanLinks"}, usageplan.Config{Units: declared}))
	for i, c := range []struct {
		change func(all forAll)
		want   error
	}{
		{func(all forAll) { all["opus"].Quotas[0].Limit = 77 }, nil},
		{func(all forAll) { all["opus"].Quotas[0].Soft = true }, nil},
		{func(all forAll) { all["opus"] = usageplan.Limits{Quotas: quotasOf(1)} }, nil},
		{func(all forAll) { all["haiku"] = daily() }, errBroken},
		{func(all forAll) { all["opus"] = usageplan.Limits{Quotas: quotasOf(3)} }, errBroken},
		{func(all forAll) { all["opus"] = usageplan.Limits{Throttles: throttlesOf(1)} }, errBroken},
		// The limit of another class has the same name, and another request meets it.
		{func(all forAll) { all["GET /a"] = daily(); delete(all, "GET") }, errBroken},
		{func(all forAll) { clear(all) }, nil},
	} {
		_, err := plans.Update(ctx, "pro", func(p *usageplan.Plan) error { c.change(p.For); return nil })
		require.ErrorIs(t, err, c.want, i)
	}
}

// TestAuditOfClasses checks that Audit shows overrides that do not fit beside the limits
// of classes, and shows no link and no group without overrides. A Gate refuses the keys
// that it shows.
func TestAuditOfClasses(t *testing.T) {
	h, ctx := newUnits(t), t.Context()
	require.NoError(t, h.plans.Link(ctx, "pro", "k2"))
	require.NoError(t, h.override("link", throttlesOf(3), quotasOf(3)))
	require.NoError(t, h.override("group", nil, quotasOf(6)))
	p, err := h.plans.Get(ctx, "pro")
	require.NoError(t, err)
	p.For = forAll{"opus": {Quotas: quotasOf(4)}}
	require.NoError(t, h.st.UpdatePlan(ctx, p)) // as a concurrent change may do
	const many = "with the other limits of plan pro: for: a request can meet 10 throttles and quotas: want at most 9"
	audit, err := h.plans.Audit(ctx)
	require.NoError(t, err)
	require.Equal(t, []usageplan.InvalidRecord{
		{PlanID: "pro", KeyID: "k", Fault: "usageplan: invalid link: " + many},
		{GroupID: "acme", Fault: "usageplan: invalid group: " + many},
	}, audit.Invalid)
	g := must(gate.New(h.st, h.st, h.st, gate.Config{Units: declared}))
	defer g.Close()
	_, err = g.Admit(ctx, gate.Request{KeyID: "k"})
	require.ErrorContains(t, err, "for: a request can meet 10 throttles and quotas")
	d, err := g.Admit(ctx, gate.Request{KeyID: "k2"})
	require.NoError(t, err)
	require.True(t, d.Allowed)

	p.Version++
	p.For = forAll{"opus": {Quotas: quotasOf(10)}}
	require.NoError(t, h.st.UpdatePlan(ctx, p))
	audit, err = h.plans.Audit(ctx)
	require.NoError(t, err)
	require.Len(t, audit.Invalid, 3, "k2 has no limits of its own, so only the plan has the fault")
}

// TestPutClasses checks that Put tells plans apart by the limits of classes, and that it
// writes nothing for a collection that is empty instead of nil.
func TestPutClasses(t *testing.T) {
	h, ctx := newUnits(t), t.Context()
	both := func(l usageplan.Limits) forAll { return forAll{"opus": l, "GET /a": daily()} }
	for _, c := range []struct {
		all     forAll
		version int64
	}{
		{nil, 1},
		{forAll{}, 1},
		{both(daily()), 2},
		{both(daily()), 2},
		{both(usageplan.Limits{Throttles: []usageplan.Throttle{}, Quotas: perDay(9)}), 2},
		{both(usageplan.Limits{Quotas: []quota.Quota{{Limit: 9, Period: quota.Day, Soft: true}}}), 3},
		{both(usageplan.Limits{Throttles: throttlesOf(1)}), 4},
		{both(usageplan.Limits{Throttles: throttlesOf(1), Quotas: []quota.Quota{}}), 4},
		{both(usageplan.Limits{Throttles: []usageplan.Throttle{{Name: "t0", Limit: limiter.PerSecond(9), Soft: true}}}), 5},
		{forAll{"opus": daily()}, 6},
		{forAll{"Opus": daily()}, 7},
		{nil, 8},
	} {
		given := usageplan.Plan{ID: "pro", For: c.all}
		kept := given.Clone()
		put, err := h.plans.Put(ctx, given)
		require.NoError(t, err)
		require.Equal(t, c.version, put.Version, "%+v", c.all)
		require.Equal(t, kept, given, "Put changes nothing of its argument")
	}
}

// TestCloneOfClasses checks that a clone shares no limits of classes.
func TestCloneOfClasses(t *testing.T) {
	p := usageplan.Plan{For: forAll{"opus": {Throttles: throttlesOf(1), Quotas: quotasOf(1)}, "a": {Throttles: []usageplan.Throttle{}, Quotas: perDay(1)}}}
	text, err := json.Marshal(p)
	require.NoError(t, err)
	c := p.Clone()
	require.Equal(t, p, c, "nil stays nil, and empty stays empty")
	c.For["opus"].Throttles[0].Name = "changed"
	c.For["opus"].Quotas[0].Limit = 77
	c.For["a"] = usageplan.Limits{}
	c.For["b"] = daily()
	after, err := json.Marshal(p)
	require.NoError(t, err)
	require.Equal(t, string(text), string(after))
	for _, all := range []forAll{nil, {}} {
		require.Equal(t, all, usageplan.Plan{For: all}.Clone().For)
	}
}
