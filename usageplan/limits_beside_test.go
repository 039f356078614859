package usageplan_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestOverridesBesideThePlan checks that a link and a group cannot have limits that are
// too many, or have names that clash, together with those of the plan that they do not
// replace. Otherwise a Gate would refuse the keys.
func TestOverridesBesideThePlan(t *testing.T) {
	_, counted := tokens("tokens")
	for _, of := range []string{"link", "group"} {
		for i, c := range []struct {
			throttles  []usageplan.Throttle // of the plan
			quotas     []quota.Quota
			throttles2 []usageplan.Throttle // of the link or the group
			quotas2    []quota.Quota
			want       string
		}{
			{throttlesOf(4), quotasOf(1), nil, quotasOf(5), ""},
			{throttlesOf(4), quotasOf(1), nil, quotasOf(6), "with the other limits of plan pro: throttles, quotas: 10 of them: want at most 9"},
			{throttlesOf(1), quotasOf(4), throttlesOf(6), nil, "throttles, quotas: 10 of them: want at most 9"},
			{throttlesOf(9), nil, nil, []quota.Quota{}, ""},
			{throttlesOf(9), nil, []usageplan.Throttle{}, quotasOf(9), ""},
			{throttlesOf(9), nil, []usageplan.Throttle{}, nil, ""},
			{throttlesOf(9), nil, nil, counted, "throttles, quotas: 10 of them: want at most 9"},
			{nil, counted, []usageplan.Throttle{{Name: "tokens/year"}}, nil, `with the other limits of plan pro: quotas[0].name: "tokens/year": want a unique name`},
		} {
			for order := range 2 {
				h := newUnits(t)
				first, then := func() error { return h.plan(c.throttles, c.quotas) }, func() error { return h.override(of, c.throttles2, c.quotas2) }
				if order == 1 {
					first, then = then, first
				}
				require.NoError(t, first(), "%d", i)
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
	h := newUnits(t)
	require.NoError(t, h.plan(throttlesOf(4), nil))
	_, err := h.plans.AddLink(t.Context(), usageplan.Link{PlanID: "pro", KeyID: "k2", Quotas: quotasOf(6)})
	require.ErrorContains(t, err, "usageplan: invalid link: with the other limits of plan pro: throttles, quotas: 10 of them: want at most 9")
	_, err = h.plans.AddLink(t.Context(), usageplan.Link{PlanID: "pro", KeyID: "k2", Quotas: append(quotasOf(5), quota.Quota{Name: "t0", Period: quota.Day})})
	const each = "with the other limits of plan pro: "
	require.ErrorContains(t, err, "usageplan: invalid link: "+each+"throttles, quotas: 10 of them: want at most 9\n"+each+`quotas[5].name: "t0": want a`)
	_, err = h.groups.Create(t.Context(), usageplan.Group{ID: "new", PlanID: "pro", Quotas: quotasOf(6)})
	require.ErrorContains(t, err, "usageplan: invalid group new: with the other limits of plan pro: ")
}

// TestOverridesOfAMissingPlan checks that a link and a group whose plan is gone can still
// be changed.
func TestOverridesOfAMissingPlan(t *testing.T) {
	h := newUnits(t)
	require.NoError(t, h.st.DeletePlan(t.Context(), "pro", 0))
	require.NoError(t, h.override("link", nil, quotasOf(9)))
	_, err := h.groups.Update(t.Context(), "acme", func(g *usageplan.Group) error { g.Quotas = quotasOf(9); return nil })
	require.NoError(t, err)
	_, err = h.groups.Update(t.Context(), "acme", func(g *usageplan.Group) error { g.PlanID = "lost"; return nil })
	require.ErrorIs(t, err, usageplan.ErrNotFound)
}

// TestPlanUpdateReadsNoLinks checks that a plan with as many limits of the same names is
// updated without a look at its links and groups.
func TestPlanUpdateReadsNoLinks(t *testing.T) {
	h := newUnits(t)
	throttles, quotas := tokens("tokens")
	require.NoError(t, h.plan(throttles, quotas))
	st := failing{Store: h.st, at: "PlanLinks"}
	plans := must(usageplan.NewService(h.st, st, usageplan.Config{Units: declared}))
	raise := func(p *usageplan.Plan) error {
		p.Throttles[0].Limit, p.Quotas[0].Limit = limiter.PerSecond(50), 50
		return nil
	}
	_, err := plans.Update(t.Context(), "pro", raise)
	require.NoError(t, err)
	_, err = plans.Update(t.Context(), "pro", func(p *usageplan.Plan) error { p.Quotas[0].Name = "another"; return nil })
	require.True(t, errors.Is(err, errBroken))
}

// TestPutGroupLimits checks that Put tells throttles and quotas of a group that are empty
// from those that are nil, and that it writes nothing that is there already.
func TestPutGroupLimits(t *testing.T) {
	h := newUnits(t)
	throttles, quotas := tokens("tokens")
	for version, g := range []usageplan.Group{
		{}, {Throttles: []usageplan.Throttle{}}, {Quotas: []quota.Quota{}}, {Throttles: []usageplan.Throttle{}, Quotas: []quota.Quota{}},
		{Throttles: throttles}, {Quotas: quotas}, {Throttles: throttles, Quotas: quotas},
	} {
		g.ID, g.PlanID = "acme", "pro"
		for range 2 {
			put, err := h.groups.Put(t.Context(), g)
			require.NoError(t, err)
			require.EqualValues(t, version+1, put.Version)
			require.Equal(t, g.Throttles, put.Throttles)
			require.Equal(t, g.Quotas, put.Quotas)
		}
	}
}

// TestPlanUpdateBesideOverrides checks that neither a link of a deleted key nor limits
// that already do not fit keep a plan from being changed.
func TestPlanUpdateBesideOverrides(t *testing.T) {
	h := newUnits(t)
	ctx := t.Context()
	require.NoError(t, h.override("link", nil, quotasOf(5)))
	require.ErrorContains(t, h.plan(throttlesOf(5), nil), "usageplan: invalid link of key k: with the other limits of plan pro: ")
	require.NoError(t, h.st.DeleteKey(ctx, "k"))
	require.NoError(t, h.plan(throttlesOf(5), nil))

	require.NoError(t, h.override("group", nil, quotasOf(4)))
	require.ErrorContains(t, h.plan(throttlesOf(6), nil), "usageplan: invalid group acme: with the other limits of plan pro: ")
	p, err := h.plans.Get(ctx, "pro")
	require.NoError(t, err)
	p.Throttles = throttlesOf(9)
	require.NoError(t, h.st.UpdatePlan(ctx, p)) // as a concurrent change may do
	require.NoError(t, h.plan(throttlesOf(8), nil), "fewer than before")
	require.NoError(t, h.plan(throttlesOf(5), nil))
}
