package ration_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// organisations is the example of docs/organisations.md.
const organisations = `{
  "plans": [
    {"id": "org-pro", "quotas": ["50000000 input_tokens/month", "10000000 output_tokens/month", "2000000000 micro_usd/month"]},
    {"id": "team", "throttles": ["300000 input_tokens/minute"], "quotas": ["900000000 micro_usd/month"]},
    {"id": "key", "throttle": "60/minute burst 10", "throttles": ["100000 input_tokens/minute"], "quotas": ["20000/day"],
      "for": {"opus": {"quotas": ["200000 output_tokens/day"]}}}
  ],
  "groups": [
    {"id": "acme", "planId": "org-pro"},
    {"id": "acme-search", "parentId": "acme", "planId": "team"},
    {"id": "acme-help", "parentId": "acme", "planId": "team", "quotas": ["400000000 micro_usd/month"]}
  ],
  "keys": [
    {"id": "crawler", "groupId": "acme-search", "enabled": true},
    {"id": "ranker", "groupId": "acme-search", "enabled": true},
    {"id": "chatbot", "groupId": "acme-help", "enabled": true}
  ],
  "links": [
    {"planId": "key", "keyId": "crawler"},
    {"planId": "key", "keyId": "ranker"}
  ]
}
`

// load makes what a text declares.
func load(ctx context.Context, r *ration.Ration, text string) error {
	var file struct {
		Plans  []usageplan.Plan
		Groups []usageplan.Group
		Keys   []apikey.Key
		Links  []usageplan.Link
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		return err
	}
	for _, p := range file.Plans {
		if _, err := r.Plans.Put(ctx, p); err != nil {
			return err
		}
	}
	for _, g := range file.Groups { // each after the group above it
		if _, err := r.Groups.Put(ctx, g); err != nil {
			return err
		}
	}
	for _, k := range file.Keys {
		if _, _, err := r.Keys.Create(ctx, k); err != nil {
			return err
		}
	}
	for _, l := range file.Links {
		if _, err := r.Plans.AddLink(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// TestDeclared loads plans, groups, keys and links that a text declares, and makes
// requests in several units. Each is decided by all payers together. The bubble begins
// with a month.
func TestDeclared(t *testing.T) {
	page, err := os.ReadFile("docs/organisations.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "```json\n"+organisations+"```")
	synctest.Test(t, testDeclared)
}

func testDeclared(t *testing.T) {
	const input, output, money = 0, 1, 2 // as declared
	type costs = usageplan.Costs
	ctx := t.Context()
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{
		Units:   usageplan.Units{{Name: "input_tokens"}, {Name: "output_tokens"}, {Name: "micro_usd"}},
		Classes: []string{"opus", "haiku"},
	})
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, load(ctx, r, organisations))

	for i, step := range []struct {
		after   time.Duration
		key     string
		class   string
		costs   costs
		reason  gate.Reason
		wait    time.Duration
		refused []string // or nil, if the request is admitted
	}{
		// Tokens a minute, of a key and of a team.
		{key: "crawler", costs: costs{input: 90_000}},
		{key: "crawler", costs: costs{input: 20_000}, reason: gate.Throttled, wait: 6 * time.Second,
			refused: []string{"input_tokens of key crawler"}},
		{key: "ranker", costs: costs{input: 100_000}},
		{key: "chatbot", costs: costs{input: 250_000}}, // the other team, and no link
		{after: 6 * time.Second, key: "crawler", costs: costs{input: 20_000}},
		{key: "ranker", costs: costs{input: 300_001}, reason: gate.NeverFits,
			refused: []string{"input_tokens of key ranker", "input_tokens of group acme-search"}},

		// A class has a quota beside the general ones.
		{key: "crawler", class: "opus", costs: costs{output: 150_000}},
		{key: "crawler", class: "opus", costs: costs{output: 60_000}, reason: gate.QuotaExceeded, wait: 24*time.Hour - 6*time.Second,
			refused: []string{"opus output_tokens/day of key crawler"}},
		{key: "crawler", class: "haiku", costs: costs{output: 60_000}},
		{key: "crawler", costs: costs{output: 60_000}},
		{key: "ranker", class: "opus", costs: costs{output: 200_000}},
		{key: "chatbot", class: "opus", costs: costs{output: 300_000}}, // no link, so no such limit

		// Money of a team. One has a limit of its own.
		{key: "chatbot", costs: costs{money: 300_000_000}},
		{key: "chatbot", costs: costs{money: 100_000_001}, reason: gate.QuotaExceeded, wait: 31*24*time.Hour - 6*time.Second,
			refused: []string{"micro_usd/month of group acme-help"}},
		{key: "ranker", costs: costs{money: 500_000_000}},
		{key: "crawler", costs: costs{money: 400_000_000}},
		{key: "crawler", costs: costs{money: 1}, reason: gate.QuotaExceeded, wait: 31*24*time.Hour - 6*time.Second,
			refused: []string{"micro_usd/month of group acme-search"}},

		// Output tokens of the organisation: 770000 are used.
		{key: "chatbot", costs: costs{output: 9_230_001}, reason: gate.QuotaExceeded, wait: 31*24*time.Hour - 6*time.Second,
			refused: []string{"output_tokens/month of group acme"}},
		{key: "chatbot", costs: costs{output: 9_230_000}},

		// The next month.
		{after: 31 * 24 * time.Hour, key: "crawler", class: "opus", costs: costs{input: 1, output: 200_000, money: 900_000_000}},
		{key: "crawler", class: "opus", costs: costs{input: 100_000, output: 1, money: 1}, reason: gate.QuotaExceeded, wait: 29*24*time.Hour - 6*time.Second,
			refused: []string{"input_tokens of key crawler", "opus output_tokens/day of key crawler", "micro_usd/month of group acme-search"}},
	} {
		time.Sleep(step.after)
		d, err := r.Gate.Admit(ctx, gate.Request{KeyID: step.key, Class: step.class, Costs: step.costs})
		require.NoError(t, err, i)
		var refused []string
		for l := range d.Refusals() {
			refused = append(refused, l.Name+" of "+l.Payer.String())
		}
		require.Equal(t, step.refused, refused, i)
		if step.refused == nil {
			require.Equal(t, gate.Admitted, d.Reason, i)
			continue
		}
		require.Equal(t, step.reason, d.Reason, i)
		if step.wait > 0 {
			require.Equal(t, step.wait, d.RetryAfter, i)
		}
	}

	// Ten requests at once, of a key.
	var reasons []gate.Reason
	for range 11 {
		d, err := r.Gate.Admit(ctx, gate.Request{KeyID: "ranker"})
		require.NoError(t, err)
		reasons = append(reasons, d.Reason)
	}
	require.Equal(t, append(slices.Repeat([]gate.Reason{gate.Admitted}, 10), gate.Throttled), reasons)

	// Nothing of a refusal was charged to anybody.
	for payer, want := range map[string]costs{
		"acme": {460_001, 10_200_000, 2_100_000_000}, "acme-search": {210_001, 670_000, 1_800_000_000}, "acme-help": {250_000, 9_530_000, 300_000_000},
	} {
		for i, unit := range []string{"input_tokens", "output_tokens", "micro_usd"} {
			days, err := r.Gate.GroupUsageByDay(ctx, payer, unit, 40)
			require.NoError(t, err)
			var used int64
			for _, d := range days {
				used += d.Used
			}
			require.Equal(t, want[i], used, "%s of %s", unit, payer)
		}
	}
}

// TestDeclaredBadly checks that a typing error in a text is found before anything of its
// plan is in force.
func TestDeclaredBadly(t *testing.T) {
	for text, want := range map[string]string{
		`{"plans": [{"id": "p", "for": {"opsu": {"quotas": ["1/day"]}}}]}`:                     `want one that is declared: opus`,
		`{"plans": [{"id": "p", "for": {"opus": {"quotas": ["1 token/day"]}}}]}`:               `unit: "token": want one that is declared: requests, tokens`,
		`{"plans": [{"id": "p", "for": {"opus": {"quota": ["1/day"]}}}]}`:                      `unknown field "quota"`,
		`{"plans": [{"id": "p", "for": {"opus": {}}}]}`:                                        `no limits`,
		`{"plans": [{"id": "p", "fro": {"opus": {"quotas": ["1/day"]}}}]}`:                     `unknown field "fro"`,
		`{"groups": [{"id": "acme", "planId": "p"}]}`:                                          `not found`,
		`{"keys": [{"id": "k", "groupId": "acme", "enabled": true}]}`:                          `not found`,
		`{"plans": [{"id": "p", "quotas": ["1/day"], "for": {"a b": {"quotas": ["1/day"]}}}]}`: `want 1 to 64 ASCII letters`,
	} {
		r := newRation(t, ration.Config{Units: usageplan.Units{{Name: "tokens"}}, Classes: []string{"opus"}})
		require.ErrorContains(t, load(t.Context(), r, text), want, text)
		plans, _, err := r.Plans.List(t.Context(), "", 10)
		require.NoError(t, err)
		require.Empty(t, plans, text)
	}
}

// TestBadClasses checks that a declared class that breaks the rules is reported once.
func TestBadClasses(t *testing.T) {
	_, err := ration.New(memory.New(memory.Config{}), ration.Config{Classes: []string{"opus", "GET /pets"}})
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	require.EqualError(t, err, `usageplan: invalid classes: [1]: class: "GET /pets": want 1 to 64 ASCII letters, digits and any of "._:@-"`)
}
