package usageplan_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// give gives a plan to a group.
func (h *families) give(group, plan string) {
	h.t.Helper()
	_, err := h.groups.Update(h.t.Context(), group, func(g *usageplan.Group) error { g.PlanID = plan; return nil })
	require.NoError(h.t, err)
}

// TestAuditGroups checks that Audit finds what is wrong with groups, and that a plan of a
// group counts.
func TestAuditGroups(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	for _, p := range []usageplan.Plan{{ID: "off", Detached: true}, {ID: "unused"}, {ID: "lost"}} {
		_, err := h.plans.Create(ctx, p)
		require.NoError(t, err)
	}
	h.give("acme", "pro")
	h.give("blue", "off")
	h.key("in-acme", "acme")
	h.key("in-deep", "deep")
	h.key("linked", "sales", "key") // below a detached plan, too
	h.key("in-sales", "sales")      // whose only plan above is detached
	h.key("in-alone", "alone")      // no plan
	h.key("outside", "")
	report := func() usageplan.AuditReport {
		t.Helper()
		a, err := h.plans.Audit(ctx)
		require.NoError(t, err)
		return a
	}
	require.Equal(t, usageplan.AuditReport{
		KeysWithoutPlan: []string{"outside", "in-alone", "in-sales", "linked"}, PlansWithoutKeys: []string{"lost", "unused"}, EmptyGroups: []string{"help"},
	}, report())

	// What follows takes concurrent changes. The store does not check it.
	h.give("alone", "lost")
	require.NoError(t, h.st.DeletePlan(ctx, "lost", 0))
	require.NoError(t, h.st.DeleteGroup(ctx, "blue", 0))
	h.group("five", "search")
	h.key("in-five", "five")
	require.NoError(t, h.st.UpdateGroup(ctx, usageplan.Group{ID: "search", ParentID: "help", Version: 1}))
	require.Equal(t, usageplan.AuditReport{
		KeysWithoutPlan:  []string{"outside"},
		KeysWithoutGroup: []string{"in-five", "in-alone", "in-sales", "linked", "in-deep"},
		PlansWithoutKeys: []string{"unused", "off"},
		BrokenGroups:     []string{"five", "deep", "sales", "alone"},
	}, report())
	_, err := h.keys.Disable(ctx, "linked")
	require.NoError(t, err)
	require.Equal(t, []string{"linked"}, report().DisabledKeys)

	require.NoError(t, h.move("search", "acme"))
	h.cycle()
	require.Equal(t, []string{"five", "deep", "sales", "search", "alone"}, report().BrokenGroups)

	// Without a GroupStore, a Gate refuses every key in a group.
	plain := must(usageplan.NewService(h.st, struct{ usageplan.Store }{h.st}, usageplan.Config{}))
	a, err := plain.Audit(ctx)
	require.NoError(t, err)
	require.Equal(t, usageplan.AuditReport{
		KeysWithoutPlan:  []string{"outside"},
		KeysWithoutGroup: []string{"in-five", "in-alone", "in-sales", "linked", "in-deep", "in-acme"},
		DisabledKeys:     []string{"linked"},
		PlansWithoutKeys: []string{"unused", "off", "pro"},
	}, a)
}

// TestDeletePlanOfGroup checks that a plan that a group has is not deleted, and that its
// links stay.
func TestDeletePlanOfGroup(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	h.key("crawler", "")
	require.NoError(t, h.plans.Link(ctx, "pro", "crawler"))
	h.give("help", "pro")
	plain := must(usageplan.NewService(h.st, struct{ usageplan.Store }{h.st}, usageplan.Config{}))
	asked := 0
	may := func(*usageplan.Plan) error { asked++; return nil }
	for _, err := range []error{h.plans.Delete(ctx, "pro"), h.plans.DeleteIf(ctx, "pro", may)} {
		require.ErrorIs(t, err, usageplan.ErrInUse)
		require.EqualError(t, err, "usageplan: delete plan pro: group help has it: usageplan: in use")
		links, err := h.plans.KeyLinks(ctx, "crawler")
		require.NoError(t, err)
		require.Len(t, links, 1)
		require.NoError(t, second(h.plans.Get(ctx, "pro")))
	}
	require.Equal(t, 1, asked, "the error is not retried")
	require.ErrorIs(t, h.plans.DeleteIf(ctx, "pro", func(*usageplan.Plan) error { return errBroken }), errBroken)

	h.give("help", "")
	require.NoError(t, h.plans.Delete(ctx, "pro"))
	require.ErrorIs(t, h.plans.Delete(ctx, "pro"), usageplan.ErrNotFound)

	// A group has a plan that is gone.
	require.NoError(t, h.st.UpdateGroup(ctx, usageplan.Group{ID: "alone", PlanID: "pro", Version: 1}))
	require.ErrorIs(t, h.plans.Delete(ctx, "pro"), usageplan.ErrNotFound)
	require.ErrorIs(t, h.plans.DeleteIf(ctx, "pro", may), usageplan.ErrNotFound)

	// Without a GroupStore, no group can have a plan.
	_, err := h.plans.Create(ctx, usageplan.Plan{ID: "pro"})
	require.NoError(t, err)
	require.NoError(t, plain.Delete(ctx, "pro"))
}

// deaf is a store whose method at fails.
type deaf struct {
	*memory.Store
	at string
}

func (d deaf) fault(method string) error {
	if d.at == method {
		return errBroken
	}
	return nil
}

func (d deaf) Group(ctx context.Context, id string) (usageplan.Group, error) {
	if err := d.fault("Group"); err != nil {
		return usageplan.Group{}, err
	}
	return d.Store.Group(ctx, id)
}

func (d deaf) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) ([]usageplan.Group, string, error) {
	list, next, err := d.Store.Groups(ctx, f, cursor, limit)
	return list, next, errors.Join(d.fault("Groups"), err)
}

func (d deaf) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	list, next, err := d.Store.Keys(ctx, f, cursor, limit)
	return list, next, errors.Join(d.fault("Keys"), err)
}

func (d deaf) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	list, err := d.Store.KeyLinks(ctx, id)
	return list, errors.Join(d.fault("KeyLinks"), err)
}

func (d deaf) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	return errors.Join(d.fault("UpdateGroup"), d.Store.UpdateGroup(ctx, g))
}

// TestFailingGroupStore checks that no method takes a failing store for a missing record.
func TestFailingGroupStore(t *testing.T) {
	type services struct {
		*usageplan.Groups
		plans *usageplan.Service
	}
	audit := func(ctx context.Context, s services) error { return second(s.plans.Audit(ctx)) }
	create := func(ctx context.Context, s services) error {
		return second(s.Create(ctx, usageplan.Group{ParentID: "acme"}))
	}
	move := func(ctx context.Context, s services) error { return second(s.MoveKey(ctx, "crawler", "blue")) }
	remove := func(ctx context.Context, s services) error { return s.Delete(ctx, "alone") }
	for i, c := range []struct {
		at   string
		call func(context.Context, services) error
	}{
		{"Group", audit},
		{"Groups", audit},
		{"Group", create},
		{"Groups", create},
		{"Group", move},
		{"KeyLinks", move},
		{"Group", remove},
		{"Groups", remove},
		{"Keys", remove},
		{"Group", func(ctx context.Context, s services) error { return s.Check(ctx, "acme") }},
		{"Groups", func(ctx context.Context, s services) error { return s.plans.Delete(ctx, "pro") }},
		{"Groups", func(ctx context.Context, s services) error {
			_, _, err := s.List(ctx, usageplan.GroupFilter{}, "", 0)
			return err
		}},
		{"UpdateGroup", func(ctx context.Context, s services) error { return moveGroup(ctx, s.Groups, "deep", "help") }},
		{"Group", func(ctx context.Context, s services) error {
			return second(s.Put(ctx, usageplan.Group{ID: "new"}))
		}},
	} {
		h := newFamilies(t)
		h.key("crawler", "search")
		st := deaf{h.st, c.at}
		before := h.tree()
		err := c.call(t.Context(), services{must(usageplan.NewGroups(st, st, st, usageplan.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))})
		require.ErrorIs(t, err, errBroken, "%d: %s", i, c.at)
		require.NotErrorIs(t, err, usageplan.ErrNotFound)
		if c.at != "UpdateGroup" { // which may have happened
			require.Equal(t, before, h.tree())
		}
	}
}
