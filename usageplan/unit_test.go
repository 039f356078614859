package usageplan_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// badUnits are declarations of units, and their faults.
var badUnits = []struct {
	units usageplan.Units
	fault string
}{
	{usageplan.Units{{}}, `[0].name: "": want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first`},
	{usageplan.Units{{Name: "Tokens"}}, `[0].name: "Tokens": want 1 to 32`},
	{usageplan.Units{{Name: "_a"}}, `[0].name: "_a": want 1 to 32`},
	{usageplan.Units{{Name: "a b"}}, `[0].name: "a b": want 1 to 32`},
	{usageplan.Units{{Name: "a/b"}}, `[0].name: "a/b": want 1 to 32`},
	{usageplan.Units{{Name: "größe"}}, `[0].name: "größe": want 1 to 32`},
	{usageplan.Units{{Name: longUnit + "u"}}, `[0].name: "` + longUnit + `u": want 1 to 32`},
	{usageplan.Units{{Name: "tokens"}, {Name: "requests"}}, `[1].name: "requests": want another name: every service has this unit`},
	{usageplan.Units{{Name: "tokens"}, {Name: "bytes"}, {Name: "tokens"}}, `[2].name: "tokens": listed twice`},
	{usageplan.Units{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}}, `[4]: "e": want at most 4 units`},
	{usageplan.Units{{}, {Name: "requests"}, {Name: "c"}, {Name: "c"}, {Name: "e"}},
		"[0].name: \"\": want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first\n" +
			"[1].name: \"requests\": want another name: every service has this unit\n" +
			"[3].name: \"c\": listed twice\n" +
			"[4]: \"e\": want at most 4 units"},
}

// TestUnits checks which units a service may declare.
func TestUnits(t *testing.T) {
	st := memory.New(memory.Config{})
	for _, c := range badUnits {
		err := c.units.Validate()
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.ErrorContains(t, err, "usageplan: invalid units: "+c.fault)

		_, err = usageplan.NewService(nil, st, usageplan.Config{Units: c.units})
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.ErrorContains(t, err, "keys: nil: want an apikey.Store\nunits[")
		_, err = usageplan.NewGroups(nil, st, st, usageplan.Config{Units: c.units})
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.ErrorContains(t, err, "keys: nil: want an apikey.Store\nunits[")
	}
	for _, units := range []usageplan.Units{
		nil, {}, {{Name: "a"}}, {{Name: longUnit}}, {{Name: "input_tokens", Required: true}, {Name: "b2"}, {Name: "use"}, {Name: "day"}},
	} {
		require.NoError(t, units.Validate())
	}
}

// TestUnitsAreCopied checks that a Service keeps the units that it was made with.
func TestUnitsAreCopied(t *testing.T) {
	st, units := memory.New(memory.Config{}), usageplan.Units{{Name: "tokens"}}
	plans := must(usageplan.NewService(st, st, usageplan.Config{Units: units}))
	units[0].Name = "bytes"
	_, err := plans.Create(t.Context(), must(usageplan.Parse("p", "5/s", "5 tokens/day")))
	require.NoError(t, err)
}

// TestUnitsCheck checks which units a plan may name.
func TestUnitsCheck(t *testing.T) {
	for _, name := range []string{"", "requests", "tokens", "micro_usd"} {
		require.NoError(t, declared.Check(name))
	}
	for i, name := range []string{"tokens", "micro_usd"} {
		require.Equal(t, i, declared.Index(name))
	}
	require.Equal(t, -1, declared.Index("requests"))
	require.EqualError(t, declared.Check("tokns"), `unit: "tokns": want one that is declared: requests, tokens, micro_usd`)
	require.EqualError(t, usageplan.Units(nil).Check("tokens"), `unit: "tokens": want one that is declared: requests`)
	require.NoError(t, usageplan.Units(nil).Check("requests"))
}

// TestValidateCosts checks what a request may say that it uses.
func TestValidateCosts(t *testing.T) {
	units := usageplan.Units{{Name: "tokens", Required: true}, {Name: "bytes"}}
	for _, c := range []struct {
		units  usageplan.Units
		costs  usageplan.Costs
		charge string // the faults if a request is charged
		settle string // the faults if a charge is corrected
	}{
		{units, usageplan.Costs{1}, "", ""},
		{units, usageplan.Costs{store.MaxUnits, store.MaxUnits}, "", ""},
		{units, usageplan.Costs{}, "costs[0] (tokens): 0: want the cost: the unit is required", ""},
		{units, usageplan.Costs{0, 5}, "costs[0] (tokens): 0: want the cost: the unit is required", ""},
		{units, usageplan.Costs{-1}, "costs[0] (tokens): -1: want 0 to 2^53-1", "costs[0] (tokens): -1: want 0 to 2^53-1"},
		{units, usageplan.Costs{1, 0, 7}, "costs[2]: 7: want 0: no unit is declared for it", "costs[2]: 7: want 0: no unit is declared for it"},
		{units, usageplan.Costs{0, store.MaxUnits + 1, 0, -1},
			"costs[0] (tokens): 0: want the cost: the unit is required\ncosts[1] (bytes): 9007199254740992: want 0 to 2^53-1\ncosts[3]: -1: want 0: no unit is declared for it",
			"costs[1] (bytes): 9007199254740992: want 0 to 2^53-1\ncosts[3]: -1: want 0: no unit is declared for it"},
		{units, usageplan.Costs{math.MinInt64, math.MaxInt64},
			"costs[0] (tokens): -9223372036854775808: want 0 to 2^53-1\ncosts[1] (bytes): 9223372036854775807: want 0 to 2^53-1",
			"costs[0] (tokens): -9223372036854775808: want 0 to 2^53-1\ncosts[1] (bytes): 9223372036854775807: want 0 to 2^53-1"},
		{nil, usageplan.Costs{}, "", ""},
		{nil, usageplan.Costs{3: 1}, "costs[3]: 1: want 0: no unit is declared for it", "costs[3]: 1: want 0: no unit is declared for it"},
	} {
		for want, err := range map[*string]error{&c.charge: c.units.ValidateCosts(&c.costs, true), &c.settle: c.units.ValidateCosts(&c.costs, false)} {
			if *want == "" {
				require.NoError(t, err, "%v", c.costs)
				continue
			}
			require.ErrorIs(t, err, usageplan.ErrInvalid)
			require.EqualError(t, err, "usageplan: invalid: "+*want)
		}
	}
}

// TestValidateCostsAllocatesNothing checks the path of every decision with units.
func TestValidateCostsAllocatesNothing(t *testing.T) {
	costs := usageplan.Costs{5, 7}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if declared.ValidateCosts(&costs, true) != nil {
			panic("valid costs")
		}
	}))
}
