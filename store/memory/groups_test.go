package memory_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestGroupChanges changes one group, step by step. Every change that was made is told to
// a listener, and no other.
func TestGroupChanges(t *testing.T) {
	s, ctx := memory.New(memory.Config{}), t.Context()
	var heard []string
	defer s.OnChange(func(id string) { heard = append(heard, id) })()
	group := func(version int64, name string) usageplan.Group {
		return usageplan.Group{ID: "acme", Name: name, Version: version}
	}
	insert := func(g usageplan.Group) func() error { return func() error { return s.InsertGroup(ctx, g) } }
	update := func(g usageplan.Group) func() error { return func() error { return s.UpdateGroup(ctx, g) } }
	remove := func(version int64) func() error { return func() error { return s.DeleteGroup(ctx, "acme", version) } }
	for i, step := range []struct {
		change  func() error
		err     error
		name    string // of the group afterwards, or "" if there is none
		version int64
		heard   int
	}{
		{update(group(0, "none")), usageplan.ErrNotFound, "", 0, 0},
		{remove(0), usageplan.ErrNotFound, "", 0, 0},
		{insert(group(7, "first")), nil, "first", 1, 1},
		{insert(group(1, "again")), usageplan.ErrExists, "first", 1, 0},
		{update(group(0, "stale")), usageplan.ErrConflict, "first", 1, 0},
		{update(group(1, "second")), nil, "second", 2, 1},
		{update(group(1, "stale")), usageplan.ErrConflict, "second", 2, 0},
		{remove(1), usageplan.ErrConflict, "second", 2, 0},
		{remove(2), nil, "", 0, 1},
		{insert(group(2, "third")), nil, "third", 1, 1},
		{remove(0), nil, "", 0, 1},
	} {
		heard = nil
		err := step.change()
		require.ErrorIs(t, err, step.err, "step %d", i)
		if err != nil {
			require.ErrorContains(t, err, "store/memory: group: ", "step %d", i)
		}
		g, err := s.Group(ctx, "acme")
		require.Equal(t, step.name != "", err == nil, "step %d: %v", i, err)
		require.Equal(t, step.name, g.Name, "step %d", i)
		require.Equal(t, step.version, g.Version, "step %d", i)
		require.Equal(t, slices.Repeat([]string{"acme"}, step.heard), append([]string{}, heard...), "step %d", i)
	}
}

// TestGroupsAreCloned writes to what it passed to the Store, and to what the Store
// returned.
func TestGroupsAreCloned(t *testing.T) {
	s, ctx := memory.New(memory.Config{}), t.Context()
	group := func() usageplan.Group {
		return usageplan.Group{
			ID: "acme", PlanID: "plan", Throttle: &limiter.Limit{Rate: 1}, Throttles: []usageplan.Throttle{{Unit: "tokens"}},
			Quotas: []quota.Quota{{Limit: 1}}, Version: 1,
		}
	}
	spoil := func(groups ...usageplan.Group) {
		require.NotEmpty(t, groups)
		groups[0].Throttle.Rate, groups[0].Throttles[0].Rate, groups[0].Quotas[0].Limit = 9, 9, 9
	}
	key := apikey.Key{ID: "key", GroupID: "acme", Digest: apikey.DigestOf("secret")}
	require.NoError(t, s.InsertKey(ctx, key))

	inserted, updated := group(), group()
	require.NoError(t, s.InsertGroup(ctx, inserted))
	spoil(inserted)
	require.Equal(t, group(), must(s.Group(ctx, "acme")))
	require.NoError(t, s.UpdateGroup(ctx, updated))
	spoil(updated)

	spoil(must(s.Group(ctx, "acme")))
	spoil(must(s.AccessByKey(ctx, "key")).Groups...)
	spoil(must(s.AccessByDigest(ctx, key.Digest)).Groups...)
	page, _, err := s.Groups(ctx, usageplan.GroupFilter{}, "", 1)
	require.NoError(t, err)
	spoil(page...)

	want := group()
	want.Version = 2
	require.Equal(t, want, must(s.Group(ctx, "acme")))
}

// TestAccessGroups reads a key with its groups and their plans.
func TestAccessGroups(t *testing.T) {
	for name, c := range map[string]struct {
		groups string // id, ">" and the parent, ":" and the plan
		group  string // of the key
		links  string
		want   string // the groups of the Access
		plans  string
	}{
		"no group":                  {"acme:pro", "", "own", "", "own"},
		"no group, one without ID":  {":pro", "", "own", "", "own"},
		"a root":                    {"acme:pro team>acme:free", "acme", "", "acme", "pro"},
		"up to the root":            {"acme:pro dept>acme:free team>dept:own", "team", "", "team dept acme", "own free pro"},
		"with links":                {"acme:pro team>acme:free", "team", "own", "team acme", "own free pro"},
		"a plan of all":             {"acme:pro team>acme:pro", "team", "free pro", "team acme", "free pro"},
		"groups without plans":      {"acme team>acme", "team", "own", "team acme", "own"},
		"a group without a plan":    {"acme:pro team>acme", "team", "", "team acme", "pro"},
		"plans that are missing":    {"acme:gone team>acme:pro", "team", "gone own", "team acme", "own pro"},
		"the group is missing":      {"acme:pro", "team", "own", "", "own"},
		"the parent is missing":     {"acme:pro team>dept:free", "team", "", "team", "free"},
		"the root is missing":       {"dept>acme:pro team>dept:free", "team", "", "team dept", "free pro"},
		"its own parent":            {"acme>acme:pro", "acme", "", "acme acme acme acme", "pro"},
		"a cycle":                   {"a>b:pro b>a:free", "a", "", "a b a b", "pro free"},
		"a group too many":          {"a:pro b>a:free c>b d>c:own", "d", "", "d c b a", "own free pro"},
		"two groups too many":       {"a:pro b>a:free c>b d>c:own e>d", "e", "", "e d c b", "own free"},
		"a key, a group and a plan": {"key:own own>key", "key", "own", "key", "own"},
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := memory.New(memory.Config{}), t.Context()
			for _, plan := range []string{"own", "free", "pro", ""} {
				require.NoError(t, s.InsertPlan(ctx, usageplan.Plan{ID: plan}))
			}
			for text := range strings.FieldsSeq(c.groups) {
				path, plan, _ := strings.Cut(text, ":")
				group, parent, _ := strings.Cut(path, ">")
				require.NoError(t, s.InsertGroup(ctx, usageplan.Group{ID: group, ParentID: parent, PlanID: plan}))
			}
			key := apikey.Key{ID: "key", GroupID: c.group, Digest: apikey.DigestOf("secret")}
			require.NoError(t, s.InsertKey(ctx, key))
			for plan := range strings.FieldsSeq(c.links) {
				require.NoError(t, s.InsertLink(ctx, usageplan.Link{PlanID: plan, KeyID: "key", Allowance: plan}))
			}

			a := must(s.AccessByKey(ctx, "key"))
			require.Equal(t, a, must(s.AccessByDigest(ctx, key.Digest)))
			require.Equal(t, a, must(reload(t, s).AccessByKey(ctx, "key")))
			var groups, plans []string
			for _, g := range a.Groups {
				require.Equal(t, must(s.Group(ctx, g.ID)), g)
				groups = append(groups, g.ID)
			}
			for _, p := range a.Plans {
				plans = append(plans, p.ID)
			}
			require.Equal(t, strings.Fields(c.want), append([]string{}, groups...))
			require.Equal(t, strings.Fields(c.plans), append([]string{}, plans...))
		})
	}
}

// TestDeleteGroupKeepsReferences deletes a group that another group, a key and a plan
// belong to. They stay, and a new group with its ID takes its place.
func TestDeleteGroupKeepsReferences(t *testing.T) {
	s, ctx := memory.New(memory.Config{}), t.Context()
	acme, team := usageplan.Group{ID: "acme", PlanID: "pro"}, usageplan.Group{ID: "team", ParentID: "acme"}
	require.NoError(t, s.InsertPlan(ctx, usageplan.Plan{ID: "pro"}))
	require.NoError(t, s.InsertGroup(ctx, acme))
	require.NoError(t, s.InsertGroup(ctx, team))
	require.NoError(t, s.InsertKey(ctx, apikey.Key{ID: "key", GroupID: "team"}))

	want := must(s.AccessByKey(ctx, "key"))
	require.Len(t, want.Groups, 2)
	for _, id := range []string{"acme", "team"} {
		require.NoError(t, s.DeleteGroup(ctx, id, 0))
	}
	require.Equal(t, usageplan.Access{Key: want.Key}, must(s.AccessByKey(ctx, "key")))
	require.NoError(t, s.InsertGroup(ctx, team))
	require.Equal(t, want.Groups[:1], must(s.AccessByKey(ctx, "key")).Groups)
	require.NoError(t, s.InsertGroup(ctx, acme))
	require.Equal(t, want, must(s.AccessByKey(ctx, "key")))
}

// TestGroupContext calls the methods with a context that is done. Nothing changes.
func TestGroupContext(t *testing.T) {
	s := memory.New(memory.Config{})
	require.NoError(t, s.InsertGroup(t.Context(), usageplan.Group{ID: "acme"}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, group := s.Group(ctx, "acme")
	_, _, groups := s.Groups(ctx, usageplan.GroupFilter{}, "", 1)
	for _, err := range []error{
		s.InsertGroup(ctx, usageplan.Group{ID: "new"}), s.UpdateGroup(ctx, usageplan.Group{ID: "acme", Name: "x", Version: 1}),
		s.DeleteGroup(ctx, "acme", 0), group, groups,
	} {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Equal(t, []string{"acme"}, groupIDs(t, s, ""))
	require.Empty(t, must(s.Group(t.Context(), "acme")).Name)
}
