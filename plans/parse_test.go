package plans_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/usageplan"
)

// everyFault has a fault of every kind that the file alone can tell.
const everyFault = `version: 2
plans:
  - id: free
    throtle: 5/s
    quotas: [1000/day, 5/fortnight, 100/day]
    routes: {"GET /x": 5/x, "GET  /y": 1/s}
    for: {opus: {quotas: [x]}, "a b": {quotas: [1/day]}}
  - id: free
    throttle: 100 tokens/s
    created: 2020-01-01T00:00:00Z
    detached: no
    name: 5
    stages: [orders]
  - name: x
    id:
  - id: []
  - quotas: 5/day
  - 5
groups:
  - {id: a, parentId: b}
  - {id: b, parentId: a}
  - {id: c, parentID: a, planId: "!"}
  - {id: "", quotas: [1/day]}
keys:
  - id: k
    digest: abc
    secret: hunter2
    expires: soon
    tags: {"aws:x": y}
    name: "\x07"
  - {id: k2, digest: 0000000000000000000000000000000000000000000000000000000000000001}
  - {id: k3, digest: "4d6d2ae8a5bd4cae1c80e4b8bcb2fe1a6d42e2a8dbd1f90af9b2d2de28bbd2c7"}
links:
  - {planId: free, keyId: k, allowance: z}
  - {planId: free}
  - planId: free
    planId: pro
    keyId: !x k
    quotas: &q [5/day]
    throttles: *q
    <<: {}
    ? [a]
    : b
  - {planId: a, keyId: b, quotas: [5/day, 6/day]}
  - {planId: a, keyId: b}
key: []
`

// TestEveryFault finds all faults of a file at once, each at its place.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	f, err := plans.Parse("f.yaml", []byte(everyFault))
	require.ErrorIs(t, err, plans.ErrInvalid)
	require.NotNil(t, f)
	text, err2 := os.ReadFile("testdata/faults.txt")
	require.NoError(t, err2)
	require.Equal(t, string(text), err.Error()+"\n")
	require.NotContains(t, err.Error(), "hunter2")

	// Nothing is read from a store or changed in it.
	_, s := inMemory(t)
	made, err := plans.Apply(t.Context(), s, f, plans.Config{Prune: true})
	require.True(t, made.Empty())
	faults, ok := errors.AsType[plans.Faults](err)
	require.True(t, ok)
	require.GreaterOrEqual(t, len(faults), strings.Count(string(text), "\n")-1)
	list, _, err := s.Plans.List(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

// TestForms checks single faults, most of them of the whole file.
func TestForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                  "f:1:1: empty: want plans, groups, keys or links",
		"\ufeff":                            "f:1:1: empty: want plans, groups, keys or links",
		"# plans: []\n":                     "f:1:1: empty: want plans, groups, keys or links",
		"---\n":                             "f:1:1: empty: want plans, groups, keys or links",
		"{}":                                "",
		"plans: []":                         "",
		"\ufeffplans: []":                   "",
		"plans:":                            "f:1:7: plans: null: want a value, or no such member",
		"plans: null":                       "f:1:8: plans: null: want a value, or no such member",
		"null":                              "f:1:1: null: want a value, or no such member",
		"[]":                                "f:1:1: list: want a mapping",
		"plans: {}":                         "f:1:8: plans: mapping: want a list",
		"plans: []\n---\nplans: []\n":       "f:2:1: a second document: want one",
		"plans: []\n---\nplans: [\n":        "f:4:1: YAML: while parsing a flow node: did not find expected node content",
		"plans: [\n":                        "f:2:1: YAML: while parsing a flow node: did not find expected node content",
		"plans:\n\t- id: a\n":               "f:2:1: YAML: while scanning for the next token: found character that cannot start any token",
		"plans: [{id: a, quotas: [1000]}]":  "f:1:26: plans[0].quotas[0]: quota \"1000\": want a limit, \"/\" and a period, as in 1000/day",
		"plans: [{id: a, throttle: 5}]":     "f:1:27: plans[0].throttle: limit \"5\": want a form like \"100/second burst 200\", with second, minute, hour or day; or \"unlimited\", or \"blocked\"",
		"plans: *x":                         "f:1:8: YAML: unknown anchor 'x' referenced",
		"plans: \xff":                       "f:1:1: want UTF-8",
		"p\x00l\x00a\x00n\x00s\x00":         "f:1:1: YAML: control characters are not allowed (value: 0)",
		"plans: &x [*x]":                    "f:1:8: plans[0]: list: want a mapping",
		"plans: []\nPlans: []":              "f:2:1: Plans: unknown member: did you mean plans?",
		"plans: []\nrules: []":              "f:2:1: rules: unknown member: want one of version, plans, groups, keys, links",
		"plans: []\nplans: []":              "f:2:1: plans: there twice, first in line 1: want it once",
		"version: 1.5":                      "f:1:10: version: number: want a whole number",
		"version: 0":                        "f:1:10: version: want 1",
		"links: [{planId: a, keyId: !k b}]": "f:1:28: links[0].keyId: tag !k: want none",
		"plans: [{id: a, throttles: [5/x, 1/s, 2/s]}]":                                        "f:1:29: plans[0].throttles[0]: throttle \"5/x\": limiter: invalid limit \"5/x\"",
		"keys: [{id: a, enabled: yes}]":                                                       "f:1:25: keys[0].enabled: text: want true or false",
		"keys: [{id: a, groupId: b c}]":                                                       `f:1:25: keys[0].groupId: "b c": want 1 to 64`,
		"keys: [{id: a, scopes: [b c]}]":                                                      `f:1:25: keys[0].scopes[0]: "b c": want 1 to 128 visible ASCII characters`,
		"keys: [{id: a, scopes: ['*', 'b:*c']}]":                                              `f:1:30: keys[0].scopes[1]: "b:*c": want * only alone, or at the end after a colon`,
		"keys: [{id: a, networks: [192.0.2.1]}]":                                              `f:1:27: keys[0].networks[0]: netip.ParsePrefix("192.0.2.1"): no '/'`,
		"keys: [{id: a, networks: [192.0.2.1/24]}]":                                           `f:1:27: keys[0].networks[0]: 192.0.2.1/24: want no bits after the prefix, as in 192.0.2.0/24 or 192.0.2.1/32`,
		"keys: [{id: a, networks: ['']}]":                                                     `f:1:27: keys[0].networks[0]: "invalid Prefix": want a prefix`,
		"keys: [{id: a, stageKeys: [b]}]":                                                     `f:1:28: keys[0].stageKeys[0]: "b": want UTF-8 of the form api/stage`,
		"groups: [{id: a, parentId: a}]":                                                      `f:1:28: groups[0].parentId: "a": want another group`,
		"groups: [{id: a, quotas: [1/day]}]":                                                  "f:1:10: groups[0]: throttle, throttles, quotas: without a planId",
		"groups: [{id: a, parentId: b}, {id: b, parentId: c}, {id: c, parentId: d}, {id: d}]": "f:1:28: groups[0].parentId: a < b < c < d: want at most 3 groups up to the root",
		"plans: [{id: a, detached: true, stages: ['a:b']}]":                                   "f:1:27: plans[0].detached: true with 1 stages: want no stages",
		strings.Repeat("#", plans.MaxSize+1):                                                  "f:1:1: more than 8388608 bytes: want at most that",
		"plans: " + strings.Repeat("[", 20000):                                                "exceeded max depth of 10000",
		"plans: [{id: a, description: \"" + strings.Repeat("a", 125_001) + "\"}]":             "f:1:30: plans[0].description: 125001 characters: want at most 125000",
	} {
		_, err := plans.Parse("f", []byte(text))
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorIs(t, err, plans.ErrInvalid, "%.100s", text)
		require.Contains(t, err.Error(), want, "%.100s", text)
	}
}

// TestAliases checks that a value can be named and used again, and that a few lines
// cannot become billions of values.
func TestAliases(t *testing.T) {
	t.Parallel()
	f := parse(t, "plans: [{id: a, quotas: &q [5/day]}, {id: b, quotas: *q}]")
	require.Equal(t, f.Plans[0].Quotas, f.Plans[1].Quotas)

	bomb := "plans:\n  - id: a\n    quotas: &q0 [" + strings.Repeat("1/day,", 1000) + "]\n"
	for range 2000 {
		bomb += "  - {id: a, quotas: *q0}\n"
	}
	_, err := plans.Parse("", []byte(bomb))
	require.ErrorContains(t, err, "more than 1000000 values, each use of an alias included")
}

// TestJSON reads JSON, also with what YAML writes in another way.
func TestJSON(t *testing.T) {
	t.Parallel()
	const text = "{\n\t\"plans\": [{\"id\": \"a\", \"name\": \"\\ud83d\\ude00\\\\ud83d\\\\ude00\\/\\u00e9\", \"quotas\": [\"1\\/day\"]}]\n}"
	f := parse(t, text)
	require.Equal(t, "\U0001f600\\ud83d\\ude00/é", f.Plans[0].Name)

	// The first half of the pair is no escape here, so the second one is alone.
	_, err := plans.Parse("", []byte(`{"plans": [{"id": "a", "name": "\\ud83d\ude00"}]}`))
	require.ErrorContains(t, err, "YAML: while scanning a quoted scalar: found invalid Unicode character escape code")

	_, err = plans.Parse("f.json", []byte("{\n\t\"plans\": [{\"id\": \"a\", \"id\": \"b\"}]\n}"))
	require.ErrorContains(t, err, "f.json:2:24: plans[0].id: there twice, first in line 2: want it once")
}

// TestReadFile tells a file that cannot be read from one with faults.
func TestReadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plans.yaml")
	f, err := plans.ReadFile(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Nil(t, f)
	require.NoError(t, os.WriteFile(path, []byte("plans: 5"), 0o600))
	f, err = plans.ReadFile(path)
	require.ErrorContains(t, err, path+":1:8: plans: number: want a list")
	require.NotNil(t, f)
	require.NoError(t, os.WriteFile(path, []byte("plans: [{id: a}]"), 0o600))
	f, err = plans.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []usageplan.Plan{{ID: "a"}}, f.Plans)
}

// TestMisspelt shows that a misspelt limit is refused everywhere: in a file, and in the
// JSON of a plan.
func TestMisspelt(t *testing.T) {
	t.Parallel()
	_, err := plans.Parse("", []byte(`{"plans": [{"id": "a", "throtle": "5/s"}]}`))
	require.ErrorContains(t, err, "1:24: plans[0].throtle: unknown member: did you mean throttle?")
	require.ErrorContains(t, json.Unmarshal([]byte(`{"throtle":"5/s"}`), new(usageplan.Plan)), `unknown field "throtle"`)
}

// FuzzParse looks for texts that are accepted and do not come back from YAML, and for
// JSON that is read in another way than by encoding/json.
func FuzzParse(f *testing.F) {
	for _, text := range []string{everyFault, before, after, "{}", "plans: &x [*x]", `{"plans":[{"id":"a","name":"\ud83d\ude00"}]}`, "a: |\n b\n", "%YAML 1.1\n---\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := plans.Parse("f", text)
		if err != nil {
			faults, ok := errors.AsType[plans.Faults](err)
			require.True(t, ok)
			for _, f := range faults {
				require.Positive(t, f.Line, err)
				require.Positive(t, f.Column, err)
				require.LessOrEqual(t, f.Line, 2+bytes.Count(text, []byte("\n"))+bytes.Count(text, []byte("\r"))+bytes.Count(text, []byte("\u2028"))+
					bytes.Count(text, []byte("\u2029"))+bytes.Count(text, []byte("\u0085")))
			}
			return
		}
		out, err := file.YAML()
		require.NoError(t, err)
		if json.Valid(text) {
			var want plans.File
			require.NoError(t, json.Unmarshal(text, &want))
			other, err := want.YAML()
			require.NoError(t, err)
			require.Equal(t, string(other), string(out))
		}
		again, err := plans.Parse("f", out)
		require.NoError(t, err, "%s", out)
		second, err := again.YAML()
		require.NoError(t, err)
		require.Equal(t, string(out), string(second))
	})
}

// TestZeroExpiry refuses the first instant of year 1, which is the zero time.Time. A key
// with it would never expire, although the file names a time that is over.
func TestZeroExpiry(t *testing.T) {
	for _, text := range []string{
		"0001-01-01T00:00:00Z", "0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00.0000009Z",
	} {
		_, err := plans.Parse("plans.yaml", []byte("keys: [{id: k, expires: "+text+"}]"))
		require.ErrorContains(t, err, "plans.yaml:1:25: keys[0].expires: ", text)
	}
	f := parse(t, "keys: [{id: k, expires: 0001-01-01T00:00:00.000001Z}]")
	require.False(t, time.Time(*f.Keys[0].Expires).IsZero())
}
