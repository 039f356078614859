package plans_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// config declares what the tests use.
var config = ration.Config{
	Units:   usageplan.Units{{Name: "tokens"}},
	Classes: []string{"opus", "haiku"},
	Keys:    apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}},
}

func open(t testing.TB, st ration.Store) (*ration.Ration, plans.Services) {
	t.Helper()
	r, err := ration.New(st, config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r, plans.Services{Keys: r.Keys, Plans: r.Plans, Groups: r.Groups}
}

func inMemory(t testing.TB) (*ration.Ration, plans.Services) {
	t.Helper()
	return open(t, memory.New(memory.Config{}))
}

func parse(t testing.TB, text string) *plans.File {
	t.Helper()
	f, err := plans.Parse("plans.yaml", []byte(text))
	require.NoError(t, err)
	return f
}

// apply applies a text, and checks that a second time changes nothing. It returns the
// changes as text.
func apply(t testing.TB, s plans.Services, text string, cfg plans.Config) string {
	t.Helper()
	f := parse(t, text)
	wanted, err := plans.Diff(t.Context(), s, f, cfg)
	require.NoError(t, err)
	made, err := plans.Apply(t.Context(), s, f, cfg)
	require.NoError(t, err)
	require.Equal(t, wanted.String(), made.String())
	again, err := plans.Diff(t.Context(), s, f, cfg)
	require.NoError(t, err)
	require.True(t, again.Empty(), again.String())
	return made.String()
}

// createKey creates an enabled key with an ID.
func createKey(t testing.TB, s plans.Services, id string) apikey.Secret {
	t.Helper()
	_, secret, err := s.Keys.Create(t.Context(), apikey.Key{ID: id, Enabled: true})
	require.NoError(t, err)
	return secret
}
