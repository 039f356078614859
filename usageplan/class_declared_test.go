package usageplan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestDeclaredClasses checks which classes a service may declare.
func TestDeclaredClasses(t *testing.T) {
	st := memory.New(memory.Config{})
	made := func(classes ...string) []error {
		cfg := usageplan.Config{Classes: classes}
		_, plans := usageplan.NewService(st, st, cfg)
		_, groups := usageplan.NewGroups(st, st, st, cfg)
		return []error{plans, groups}
	}
	for _, classes := range [][]string{nil, {}, {"opus"}, {"opus", "Opus", "haiku-4.5"}} {
		for _, err := range made(classes...) {
			require.NoError(t, err)
		}
	}
	for i, err := range made("opus", "a/b", "haiku", "opus", "", "a/b") {
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.EqualError(t, err, "usageplan: invalid "+[]string{"service", "groups"}[i]+`: classes[1]: class: "a/b": `+classRule+"\n"+
			`classes[3]: "opus": listed twice`+"\n"+`classes[4]: class: "": `+classRule+"\n"+
			`classes[5]: "a/b": listed twice`+"\n"+`classes[5]: class: "a/b": `+classRule)
	}
	_, err := usageplan.NewService(nil, st, usageplan.Config{Units: usageplan.Units{{}}, Classes: []string{""}})
	require.ErrorContains(t, err, "keys: nil: want an apikey.Store\nunits[0].name: \"\": want 1 to 32 ")
	require.ErrorContains(t, err, "\nclasses[0]: class: \"\": ")

	// A Service keeps the classes that it was made with.
	classes := []string{"opus"}
	plans := must(usageplan.NewService(st, st, usageplan.Config{Classes: classes}))
	classes[0] = "haiku"
	_, err = plans.Create(t.Context(), usageplan.Plan{ID: "p", For: forAll{"opus": daily()}})
	require.NoError(t, err)
	none := must(usageplan.NewService(st, st, usageplan.Config{Classes: []string{}}))
	_, err = none.Put(t.Context(), usageplan.Plan{ID: "p", For: forAll{"opus": daily(), "GET /a": daily()}})
	require.EqualError(t, err, `usageplan: invalid plan: for["opus"]: class: "opus": want one that is declared: there is none`)
}

// TestUndeclaredClasses checks that no method writes a class or a unit that is not
// declared, and that Audit finds those that another Service has written.
func TestUndeclaredClasses(t *testing.T) {
	h, ctx := newUnits(t), t.Context()
	strict := must(usageplan.NewService(h.st, h.st, usageplan.Config{Units: declared, Classes: []string{"opus", "haiku"}}))
	throttles, quotas := tokens("tokns")
	bad := usageplan.Plan{ID: "bad", For: forAll{
		"opus": daily(), "opsu": daily(), "haiku": {Throttles: throttles, Quotas: quotas}, "a b": daily(), "GET /a": {Quotas: quotas},
	}}
	const undeclared = `.unit: "tokns": want one that is declared: requests, tokens, micro_usd`
	const want = `usageplan: invalid plan: for["a b"]: class: "a b": ` + classRule + "\n" +
		`for["GET /a"].quotas[0]` + undeclared + "\n" +
		`for["haiku"].throttles[0]` + undeclared + "\n" + `for["haiku"].quotas[0]` + undeclared + "\n" +
		`for["opsu"]: class: "opsu": want one that is declared: opus, haiku`
	before := h.all()
	pro := bad.Clone()
	pro.ID = "pro"
	for what, err := range map[string]error{
		"create":  second(strict.Create(ctx, bad)),
		"put":     second(strict.Put(ctx, bad)),
		"put pro": second(strict.Put(ctx, pro)),
		"update":  second(strict.Update(ctx, "pro", func(p *usageplan.Plan) error { p.For = bad.For; return nil })),
	} {
		require.EqualError(t, err, want, what)
	}
	require.Equal(t, before, h.all(), "nothing is written")

	_, err := h.plans.Put(ctx, usageplan.Plan{ID: "pro", For: forAll{"opus": daily(), "opsu": daily()}})
	require.NoError(t, err, "a Service without declared classes")
	audit, err := h.plans.Audit(ctx)
	require.NoError(t, err)
	require.Empty(t, audit.Invalid)
	audit, err = strict.Audit(ctx)
	require.NoError(t, err)
	require.Equal(t, []usageplan.InvalidRecord{
		{PlanID: "pro", Fault: `usageplan: invalid plan: for["opsu"]: class: "opsu": want one that is declared: opus, haiku`},
	}, audit.Invalid)
}
