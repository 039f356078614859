package usageplan_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestBadGroups checks that Group.Validate names every fault.
func TestBadGroups(t *testing.T) {
	const rule = "want 1 to 64 ASCII letters, digits, '_' and '-'"
	for want, g := range map[string]usageplan.Group{
		`id: "a>b": ` + rule:                        {ID: "a>b"},
		`id: "@a": ` + rule:                         {ID: "@a"},
		`parentId: "a/b": ` + rule:                  {ParentID: "a/b"},
		`planId: "ä": ` + rule:                      {PlanID: "ä"},
		`parentId: "` + strings.Repeat("x", 40):     {ParentID: strings.Repeat("x", 65)},
		`parentId: "a": want another group`:         {ID: "a", ParentID: "a"},
		"throttle, throttles, quotas: without a":    {Throttle: throttle(1, 1)},
		"throttles, quotas: without a planId: want": {Quotas: []quota.Quota{}},
		", quotas: without a planId: want the plan": {Throttles: []usageplan.Throttle{}},
		"throttle.rate: -1":                         {PlanID: "p", Throttle: throttle(-1, 1)},
		"quotas[0].limit: -1":                       {PlanID: "p", Quotas: perDay(-1)},
		`quotas[0].name: "use": want a unique name`: {PlanID: "p", Quotas: []quota.Quota{{Name: "use", Limit: 1, Period: quota.Day}}},
		"name: 1025 characters: want at most 1024":  {Name: strings.Repeat("é", 1025)},
		`name: "a\x00b": want UTF-8`:                {Name: "a\x00b"},
	} {
		err := g.Validate()
		require.ErrorIs(t, err, usageplan.ErrInvalid, want)
		require.ErrorContains(t, err, "usageplan: invalid group: ")
		require.ErrorContains(t, err, want)
	}
	err := (&usageplan.Group{ID: "?", ParentID: "?", PlanID: "?", Name: "\x01", Throttle: throttle(-1, -1), Quotas: perDay(-1)}).Validate()
	for _, want := range []string{"id: ", "\nparentId: ", "\nparentId: \"?\": want another", "\nplanId: ", "\nname: ", "rate: -1", "burst: -1", "limit: -1"} {
		require.ErrorContains(t, err, want)
	}
	for _, good := range []usageplan.Group{{}, {ID: strings.Repeat("x", 64), ParentID: "A-b_9", PlanID: "p", Name: "a\tb", Quotas: []quota.Quota{}}} {
		require.NoError(t, good.Validate())
	}
}

// groupForms are the JSON forms of groups.
var groupForms = map[string]usageplan.Group{
	`{"id":"g"}`:                             {ID: "g"},
	`{"id":"g","planId":"p","quotas":[]}`:    {ID: "g", PlanID: "p", Quotas: []quota.Quota{}},
	`{"id":"g","planId":"p","throttles":[]}`: {ID: "g", PlanID: "p", Throttles: []usageplan.Throttle{}},
	`{"id":"g","planId":"p","throttles":["100000 tokens/m burst 20000","blocked as none"],"quotas":["5 micro_usd/day as money"]}`: {
		ID: "g", PlanID: "p",
		Throttles: []usageplan.Throttle{{Limit: limiter.Limit{Rate: 100_000.0 / 60, Burst: 20_000}, Unit: "tokens"}, {Name: "none"}},
		Quotas:    []quota.Quota{{Name: "money", Limit: 5, Unit: "micro_usd", Period: quota.Day}},
	},
	`{"id":"g","parentId":"a","name":"né"}`: {ID: "g", ParentID: "a", Name: "né"},
	`{"id":"g","planId":"p","throttle":"5/s burst 9","quotas":["1000/month"],"created":"2026-11-30T12:00:00.000001Z","version":4503599627370496}`: {
		ID: "g", PlanID: "p", Throttle: &limiter.Limit{Rate: 5, Burst: 9}, Quotas: []quota.Quota{{Limit: 1000, Period: quota.Month}},
		Created: time.Date(2026, 11, 30, 12, 0, 0, 1000, time.UTC), Version: 1 << 52,
	},
}

// TestGroupForms checks that a store may keep groups as JSON.
func TestGroupForms(t *testing.T) {
	for want, g := range groupForms {
		text, err := json.Marshal(g)
		require.NoError(t, err)
		require.JSONEq(t, want, string(text))
		var back usageplan.Group
		require.NoError(t, json.Unmarshal(text, &back), string(text))
		require.Equal(t, g, back)
	}
}

// badGroups are texts that are not a Group, and why.
var badGroups = map[string]string{
	`{"id":"g","parent":"a"}`:                       `usageplan: invalid group "g": json: unknown field "parent"`,
	`{"id":"g","quota":["5/day"]}`:                  `unknown field "quota"`,
	`{"id":"g","quotas":null}`:                      `quotas: null`,
	`{"id":"g","throttles":null}`:                   `throttles: null`,
	`{"id":"g","throttles":["5/s",null]}`:           `throttles[1]: null`,
	`{"id":"g","throttles":["5 Tokens/s"]}`:         `usageplan: invalid throttle "5 Tokens/s": unit: "Tokens": want`,
	`{"id":"g","planId":null}`:                      `planId: null`,
	`{"planId":"p","PlanId":"q"}`:                   `PlanId: there twice`,
	`{"throttle":"5/s","throttle":"unlimited"}`:     `usageplan: invalid group: throttle: there twice`,
	`{"id":"g","throttle":"5/x"}`:                   `limiter: invalid limit "5/x"`,
	`{"id":"g","quotas":["5/fortnight"]}`:           `fortnight`,
	`{"id":"g","limits":{"quotas":["5/fortnight"]}`: `unexpected end`,
	`null`: `null: want an object`,
	`[]`:   `array: want an object`,
	`"g"`:  `string: want an object`,
}

// TestGroupJSON checks that a typing error in a group is an error. Without the error, the
// limits of the plan would count, or a team would be an organisation.
func TestGroupJSON(t *testing.T) {
	for text, want := range badGroups {
		err := json.Unmarshal([]byte(text), new(usageplan.Group))
		require.ErrorContains(t, err, want, text)
		if json.Valid([]byte(text)) {
			require.ErrorIs(t, err, usageplan.ErrInvalid, text)
		}
	}
	g := usageplan.Group{Throttle: throttle(5, 7), Quotas: perDay(9)}
	require.NoError(t, json.Unmarshal([]byte(`{"quotas":["3/day"]}`), &g))
	require.Equal(t, usageplan.Group{Throttle: throttle(5, 7), Quotas: perDay(3)}, g, "fields that the text does not name stay")
}

// FuzzGroupJSON checks that every text that decodes to a valid group encodes to a text
// that decodes to the same group, and that an error wraps ErrInvalid.
func FuzzGroupJSON(f *testing.F) {
	for text := range groupForms {
		f.Add(text)
	}
	for text := range badGroups {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var g, back usageplan.Group
		err := json.Unmarshal([]byte(text), &g)
		if err != nil {
			if json.Valid([]byte(text)) {
				require.ErrorIs(t, err, usageplan.ErrInvalid)
			}
			return
		}
		if g.Validate() != nil {
			return
		}
		form, err := json.Marshal(g)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(form, &back), string(form))
		again, err := json.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, string(form), string(again))
		require.Equal(t, g.Quotas == nil, back.Quotas == nil)
		require.Equal(t, g.Throttles, back.Throttles)
	})
}

// TestSubjects checks that no two payers have one subject, that every subject fits into a
// store, and that all subjects of a family are one store.Family.
func TestSubjects(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string { return []string{"a", "b", "ab", "a-b", "a_b", "2"}[rng.IntN(6)] }
	seen := map[string][4]string{}
	note := func(subject string, payer [4]string) {
		t.Helper()
		if other, ok := seen[subject]; ok {
			require.Equal(t, other, payer, subject)
		}
		seen[subject] = payer
	}
	for range 20_000 {
		root, id := word(), word()
		group := usageplan.GroupSubject(root, id)
		note(group, [4]string{"group", root, id})
		require.Equal(t, "@"+root, store.Family(group))

		allowance := word()
		for rng.IntN(2) == 0 { // as of a second link to a plan, and worse
			allowance += []string{"/", "/2", "@", "/@", "é"}[rng.IntN(5)] + word()
		}
		if rng.IntN(4) == 0 {
			allowance = ""
		}
		key := usageplan.KeySubject(root, id, allowance)
		note(key, [4]string{"key", root, id, allowance})
		require.Equal(t, store.Family(group), store.Family(key))
		note(usageplan.KeySubject("", id, allowance), [4]string{"key", "", id, allowance})
	}
	require.Greater(t, len(seen), 2000)

	long := strings.Repeat("x", 64)
	require.LessOrEqual(t, len(usageplan.KeySubject(long, long, strings.Repeat("x", 128))), store.MaxSubject)
	require.LessOrEqual(t, len(usageplan.GroupSubject(long, long+"y")), store.MaxSubject)
}
