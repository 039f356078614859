package usageplan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// TestStageRoutes checks which throttle counts on a route of a stage. Each throttle has
// another burst, so the number of admitted requests tells which bucket was charged.
func TestStageRoutes(t *testing.T) {
	h := newFixture(t)
	burst := func(n int) limiter.Limit { return limiter.Limit{Rate: 1e-8, Burst: n} }
	prod, dev, test := usageplan.Stage{API: "pets", Name: "prod"}, usageplan.Stage{API: "pets", Name: "dev"}, usageplan.Stage{API: "pets", Name: "test"}
	_, secret, _ := h.linked(usageplan.Plan{
		Throttle: throttle(1e-8, 1),
		Routes:   map[string]limiter.Limit{"GET /a": burst(2), "GET /b": burst(3)},
		StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{
			prod: {"GET /a": burst(4), usageplan.AnyRoute: burst(5)},
			dev:  {"GET /b": burst(6), "GET /free": {Rate: rate.Inf}},
		},
	})
	for _, c := range []struct {
		stage usageplan.Stage
		route string
		want  int // -1: no throttle
	}{
		{test, "GET /c", 1}, {test, "GET /a", 2}, {test, "GET /b", 3}, {usageplan.Stage{}, "GET /c", 0},
		{prod, "GET /a", 4}, {prod, "GET /b", 5}, {prod, "GET /c", 0}, {prod, "", 0},
		{dev, "GET /b", 6}, {dev, "GET /a", 0}, {dev, "GET /free", -1},
	} {
		admitted := 0
		for admitted < 10 && h.admit(gate.Request{Secret: secret, API: c.stage.API, Stage: c.stage.Name, Route: c.route}).Allowed {
			admitted++
		}
		if c.want == -1 {
			c.want = 10
		}
		require.Equal(t, c.want, admitted, "%s %s", c.stage, c.route)
	}
	d := h.admit(gate.Request{Secret: secret, API: "pets", Stage: "prod", Route: "GET /a"})
	require.ErrorContains(t, d.Err(), "throttle pets:prod GET /a")
}

// TestBadStageRoutes checks that Plan.Validate names every fault.
func TestBadStageRoutes(t *testing.T) {
	long := "GET /" + strings.Repeat("x", 170)
	p := usageplan.Plan{
		StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{
			{API: "a:b", Name: "prod"}: {},
			{API: "pets"}:              {},
			{API: "pets", Name: "prod"}: {
				"/pets/GET": {Rate: 1, Burst: 1}, long: {Rate: 1, Burst: 1}, "GET /pets": {Rate: 1, Burst: -1},
			},
		},
		Tags: map[string]string{"aws:mine": "x", "": "y", "n": "semi;colon"},
	}
	err := p.Validate()
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	for _, want := range []string{
		`stageRoutes["a:b:prod"]: want an API`, `stageRoutes["pets:"]: want an API`, `stageRoutes["pets:prod"]["/pets/GET"]: want the canonical name`,
		"bytes with the stage", `stageRoutes["pets:prod"]["GET /pets"].burst: -1`, "aws:mine", `name ""`, "semi;colon",
	} {
		require.ErrorContains(t, err, want)
	}
}

// TestStageText checks the text form of stages, which stores keep.
func TestStageText(t *testing.T) {
	p := usageplan.Plan{
		Stages:      []usageplan.Stage{{API: "pets", Name: "a:b"}},
		StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{{API: "pets", Name: "a:b"}: {"GET /": {Rate: 1, Burst: 2}}},
	}
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.Contains(t, string(text), `"stages":["pets:a:b"]`)
	var back usageplan.Plan
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, p, back)
	require.ErrorIs(t, new(usageplan.Stage).UnmarshalText([]byte("pets")), usageplan.ErrInvalid)
}

// TestUpdateChangeFails checks that nothing is changed if the change function fails.
func TestUpdateChangeFails(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	k, _, p := h.linked(usageplan.Plan{Throttle: throttle(1, 1), Tags: map[string]string{"a": "b"}})
	_, err := h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) error {
		p.Throttle.Burst, p.Tags["a"] = 99, "changed"
		return errBroken
	})
	require.ErrorIs(t, err, errBroken)
	got, err := h.plans.Get(ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, p, got)
	_, err = h.plans.UpdateLink(ctx, p.ID, k.ID, func(*usageplan.Link) error { return errBroken })
	require.ErrorIs(t, err, errBroken)
}
