package plans_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/ration-go/ration/plans"
)

// TestSchema holds schema.json to the parser: it accepts every file that Parse accepts,
// and refuses a wrong form as Parse does. After a change of the form, run
//
//	go run -C examples/gateway ./plans schema >plans/schema.json
func TestSchema(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("schema.json")
	require.NoError(t, err)
	require.Equal(t, string(plans.Schema()), string(text))
	schema := compiled(t, text)

	for _, text := range []string{before, after} {
		parse(t, text)
		require.NoError(t, schema.Validate(valueOf(t, text)))
	}
	for seed := range uint64(20) {
		rnd := newRandom(seed)
		_, s := inMemory(t)
		rnd.fill(t, s)
		f, err := plans.Export(t.Context(), s, plans.ExportConfig{Digests: true})
		require.NoError(t, err)
		text, err := f.YAML()
		require.NoError(t, err)
		require.NoError(t, schema.Validate(valueOf(t, string(text))), "%s", text)
	}

	for _, text := range []string{
		"plan: []", "plans: {}", "plans: [{name: a}]", "plans: [{id: 5}]", "plans: [{id: a, throtle: 5/s}]", "plans: [{id: a, quotas: 5/day}]",
		"plans: [{id: a, detached: 'no'}]", "plans: [{id: a, version: 1}]", "plans: [{id: a, for: {x: {quota: [1/day]}}}]",
		"plans: [{id: a, name: ~}]", "groups: [{id: a, parent: b}]", "groups: [a]", "keys: [{id: a, secret: b}]", "keys: [{id: a, digest: b}]",
		"links: [{planId: a}]", "links: [{planId: a, keyId: b, allowance: c}]", "version: a", "plans: [{id: a, routes: {x: 5}}]",
	} {
		_, err := plans.Parse("", []byte(text))
		require.ErrorIs(t, err, plans.ErrInvalid, text)
		require.Error(t, schema.Validate(valueOf(t, text)), text)
	}
}

func compiled(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", document))
	s, err := c.Compile("schema.json")
	require.NoError(t, err)
	return s
}

func valueOf(t *testing.T, text string) (v any) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(text), &v))
	return v
}
