package main

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestWatched checks the warnings about plans that throttle routes without a -route.
func TestWatched(t *testing.T) {
	here, there := usageplan.Stage{API: "pets", Name: "prod"}, usageplan.Stage{API: "pets", Name: "dev"}
	on := func(routes ...string) map[string]limiter.Limit {
		limits := map[string]limiter.Limit{}
		for _, route := range routes {
			limits[route] = limiter.Limit{Rate: 1, Burst: 1}
		}
		return limits
	}
	staged := func(s usageplan.Stage, routes ...string) usageplan.Plan {
		return usageplan.Plan{StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{s: on(routes...)}}
	}
	for name, test := range map[string]struct {
		flags []string
		plan  usageplan.Plan
		want  string // the routes in the warning; empty if there is none
	}{
		"none":              {nil, usageplan.Plan{}, ""},
		"every route":       {nil, usageplan.Plan{Routes: on("*")}, ""},
		"no flag":           {nil, usageplan.Plan{Routes: on("POST /pets", "GET /pets")}, `routes="[GET /pets POST /pets]"`},
		"a flag":            {[]string{"GET /pets"}, usageplan.Plan{Routes: on("GET /pets")}, ""},
		"of its host":       {[]string{"GET\texample.com/pets", "example.com/dogs"}, usageplan.Plan{Routes: on("GET /pets", "/dogs")}, ""},
		"of another":        {[]string{"/pets"}, usageplan.Plan{Routes: on("GET /pets", "/pets")}, `routes="[GET /pets]"`},
		"of all others":     {[]string{"/pets"}, usageplan.Plan{Routes: on("/")}, ""},
		"on the stage":      {nil, staged(here, "GET /pets"), `routes="[GET /pets]"`},
		"on another's":      {nil, staged(there, "GET /pets"), ""},
		"its stage, a flag": {[]string{"GET /pets"}, staged(here, "*", "GET /pets"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var text logs
			st := memory.New(memory.Config{})
			counted := 0
			note := func(m gate.Mistake) {
				require.Equal(t, gate.UnknownRoute, m)
				counted++
			}
			w := watch(st, config{api: here.API, stage: here.Name, routes: test.flags}, note, slog.New(slog.NewTextHandler(&text, nil)))
			plans := must(usageplan.NewService(st, w, usageplan.Config{}))
			logged := func() string {
				defer text.text.Reset()
				return text.String()
			}
			p, err := plans.Create(t.Context(), test.plan)
			require.NoError(t, err)
			made := logged()
			_, err = plans.Update(t.Context(), p.ID, func(p *usageplan.Plan) error { p.Name = "changed"; return nil })
			require.NoError(t, err)
			for _, line := range []string{made, logged()} {
				if test.want == "" {
					require.Empty(t, line)
					continue
				}
				require.Contains(t, line, "level=WARN")
				require.Contains(t, line, "plan="+p.ID+" "+test.want)
			}
			require.Equal(t, test.want != "", counted == 2)
			test.plan.ID = p.ID
			_, err = plans.Create(t.Context(), test.plan)
			require.ErrorIs(t, err, usageplan.ErrExists)
			require.Empty(t, logged(), "nothing is kept")
		})
	}
}

// TestWatchedGroups checks that a plan is not deleted that a group has. Another program
// on the store may have made the group.
func TestWatchedGroups(t *testing.T) {
	st := memory.New(memory.Config{})
	plans := must(usageplan.NewService(st, watch(st, config{}, func(gate.Mistake) {}, slog.New(slog.DiscardHandler)), usageplan.Config{}))
	p, err := plans.Create(t.Context(), usageplan.Plan{})
	require.NoError(t, err)
	_, err = must(usageplan.NewGroups(st, st, st, usageplan.Config{})).Create(t.Context(), usageplan.Group{ID: "acme", PlanID: p.ID})
	require.NoError(t, err)
	require.ErrorIs(t, plans.Delete(t.Context(), p.ID), usageplan.ErrInUse)
}
