package keyfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

const (
	firstSecret  = "first-secret-of-my-own"
	secondSecret = "second-secret-of-my-own"
)

var errBroken = errors.New("broken")

// fixture has the services of keys and of plans over one store in memory.
type fixture struct {
	t     *testing.T
	st    *memory.Store
	keys  *apikey.Service
	plans *usageplan.Service
}

func (h *fixture) plan(p usageplan.Plan) usageplan.Plan {
	p, err := h.plans.Create(h.t.Context(), p)
	require.NoError(h.t, err)
	return p
}

// imports returns a fixture with two plans of one stage, a and b, and one of another, c.
// The key "old" has firstSecret and is on plan a. file replaces the words of a file that
// stand for the IDs and the secrets.
func imports(t *testing.T) (h *fixture, old apikey.Key, file func(string) string) {
	st := memory.New(memory.Config{})
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}}))
	h = &fixture{t, st, keys, must(usageplan.NewService(st, st, usageplan.Config{}))}
	dev := []usageplan.Stage{{API: "pets", Name: "dev"}}
	a, b := h.plan(usageplan.Plan{Name: "a", Stages: dev}), h.plan(usageplan.Plan{Name: "b", Stages: dev})
	c := h.plan(usageplan.Plan{Name: "c", Stages: []usageplan.Stage{{API: "pets", Name: "prod"}}})
	old, err := h.keys.Import(t.Context(), apikey.Key{Name: "old", Enabled: true}, firstSecret)
	require.NoError(t, err)
	require.NoError(t, h.plans.Link(t.Context(), a.ID, old.ID))
	return h, old, strings.NewReplacer("PLAN-A", a.ID, "PLAN-B", b.ID, "PLAN-C", c.ID, "SECRET-1", firstSecret, "SECRET-2", secondSecret).Replace
}

// found returns what the store holds for each of some secrets: "name enabled plans".
func (h *fixture) found(secrets ...string) (list []string) {
	for _, secret := range secrets {
		k, err := h.st.KeyByDigest(h.t.Context(), apikey.DigestOf(secret))
		if errors.Is(err, apikey.ErrNotFound) {
			continue
		}
		require.NoError(h.t, err)
		line := fmt.Sprintf("%s %t", k.Name, k.Enabled)
		links, err := h.plans.KeyLinks(h.t.Context(), k.ID)
		require.NoError(h.t, err)
		for _, l := range links {
			p, err := h.plans.Get(h.t.Context(), l.PlanID)
			require.NoError(h.t, err)
			line += " " + p.Name
		}
		list = append(list, line)
	}
	return list
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
