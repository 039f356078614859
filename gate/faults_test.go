package gate_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestFaultsHavePaths checks that each fault of a nested value has a line of its own,
// with its whole path.
func TestFaultsHavePaths(t *testing.T) {
	bad := limiter.Limit{Rate: -1, Burst: -2}
	quotas := []quota.Quota{{Limit: 1, Period: quota.Day}, {Name: "a", Limit: -1}}
	badRate, badBurst := "rate: -1 a second: want 0, 1e-8 to 1e12, or rate.Inf", "burst: -2: want 0 or more"
	st := memory.New(memory.Config{})
	for name, c := range map[string]struct {
		err   error
		wraps []error
		begin string
		lines []string
	}{
		"plan": {(&usageplan.Plan{
			ID: "p", Throttle: &bad, Quotas: quotas, Tags: apikey.Tags{"aws:a": "", "b": "\x00"},
			Routes:      map[string]limiter.Limit{"GET /a": bad, "a": limiter.PerSecond(1), "/b/GET": limiter.PerSecond(1)},
			StageRoutes: map[usageplan.Stage]map[string]limiter.Limit{{API: "a", Name: "b"}: {"*": bad}, {}: {}},
			Stages:      []usageplan.Stage{{API: "a"}},
		}).Validate(), []error{usageplan.ErrInvalid, limiter.ErrInvalid, quota.ErrInvalid, apikey.ErrInvalid},
			"usageplan: invalid plan: ", []string{
				"throttle." + badBurst, "throttle." + badRate,
				"quotas[1].limit: -1: want 0 to 2^53-2", "quotas[1].period: 0: want one of Minute to Year",
				`routes["/b/GET"]: want the canonical name "GET /b"`,
				`routes["GET /a"].` + badBurst, `routes["GET /a"].` + badRate, `routes["a"]: want a form like "GET /pets/{id}"`,
				`stageRoutes[":"]: want an API, without a ':', and a stage name`,
				`stageRoutes["a:b"]["*"].` + badBurst, `stageRoutes["a:b"]["*"].` + badRate,
				`tags: name "aws:a": want 1 to 128 letters, digits, spaces and .:+=@_/-, and no aws: at the start`,
				`tags: value of "b": "\x00": want at most 256 letters, digits, spaces and .:+=@_/-`,
				`stages[0]: "a:": want an API, without a ':', and a stage name`,
			}},
		"link": {(&usageplan.Link{PlanID: "p", KeyID: "k", Allowance: "s", Throttle: &bad, Quotas: quotas}).Validate(),
			[]error{usageplan.ErrInvalid, limiter.ErrInvalid, quota.ErrInvalid}, "usageplan: invalid link: ", []string{
				"throttle." + badBurst, "throttle." + badRate,
				"quotas[1].limit: -1: want 0 to 2^53-2", "quotas[1].period: 0: want one of Minute to Year"}},
		"gate": {second(gate.New(st, st, st, gate.Config{
			Account: &bad,
			Keep:    -1,
			MaxKeys: -1,
			Stages:  map[usageplan.Stage]limiter.Limit{{API: "a", Name: "b"}: bad, {API: "c"}: limiter.PerSecond(1)},
		})),
			[]error{gate.ErrInvalid, limiter.ErrInvalid}, "gate: invalid config: ", []string{
				"keep: -1: want 0 or more", "maxKeys: -1: want 0 or more",
				"account." + badBurst, "account." + badRate, `stages["a:b"].` + badBurst, `stages["a:b"].` + badRate,
				`stages["c:"]: want an API, without a ':', and a stage name`}},
		"limiter": {second(limiter.New(nil, bad, limiter.Config{Timeout: -1, Name: strings.Repeat("x", 193)})),
			[]error{limiter.ErrInvalid}, "limiter: invalid config: ", []string{
				"limit." + badBurst, "limit." + badRate, "counter: nil: want a store.Counter", "timeout: -1ns: want 0 or more", "name: 193 bytes: want at most 192"}},
		"key": {second3(must(apikey.NewService(st, apikey.Config{})).Create(t.Context(), apikey.Key{ID: "!", Name: "\x00", Tags: apikey.Tags{"": ""}})),
			[]error{apikey.ErrInvalid}, "apikey: invalid: ", []string{
				`id: "!": want 1 to 64 ASCII letters, digits, '_' and '-'`, `name: "\x00": want UTF-8 without control characters`,
				`tags: name "": want 1 to 128 letters, digits, spaces and .:+=@_/-, and no aws: at the start`}},
		"charge": {store.CheckMeters([]store.Meter{{Max: -1}, {Name: "a", Start: 1}}), []error{store.ErrInvalid, store.ErrNotTaken},
			"store: invalid charge, store: not taken: ", []string{
				"meters[0].name: 0 bytes: want 1 to 192", "meters[0].max: -1: want 0 to 2^53-1",
				"meters[1].start, keep: 1, 0s: want an end with them, or neither"}},
	} {
		t.Run(name, func(t *testing.T) {
			text, ok := strings.CutPrefix(c.err.Error(), c.begin)
			require.True(t, ok, "%v", c.err)
			require.ElementsMatch(t, c.lines, strings.Split(text, "\n"))
			for _, err := range c.wraps {
				require.ErrorIs(t, c.err, err)
			}
			require.NotRegexp(t, regexp.MustCompile(`(usageplan|gate|limiter|quota|apikey): `), text, "the name of a package is there once, at the start")
		})
	}
}

// second3 returns the error of a call with three results.
func second3[A, B any](_ A, _ B, err error) error { return err }

// TestInvalidRequest checks that a request that breaks a rule has the Reason Invalid.
// No store has failed, so no failure policy applies.
func TestInvalidRequest(t *testing.T) {
	h := newFixture(t, func(cfg *parts) {
		cfg.OnFailure = gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}
	})
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(2)})
	for name, req := range map[string]gate.Request{
		"both credentials": {Secret: secret, KeyID: "k"},
		"negative cost":    {Secret: secret, Costs: costs(-1)},
		"long id":          {Secret: secret, ID: strings.Repeat("x", gate.MaxID+1)},
	} {
		for _, ask := range []func() (gate.Reason, bool, error){
			func() (gate.Reason, bool, error) {
				d, err := h.gate.Admit(t.Context(), req)
				return d.Reason, d.Allowed, err
			},
			func() (gate.Reason, bool, error) {
				d, err := h.gate.Peek(t.Context(), req)
				return d.Reason, d.Allowed, err
			},
		} {
			reason, allowed, err := ask()
			require.ErrorIs(t, err, gate.ErrInvalid, name)
			require.False(t, errors.Is(err, store.ErrInvalid), "%s: it never reaches a store: %v", name, err)
			require.Equal(t, gate.Invalid, reason, name)
			require.False(t, allowed, name)
		}
	}
	require.Equal(t, "invalid", gate.Invalid.String())
	require.Equal(t, gate.Admitted, h.reason(secret))
}
