package redis

import (
	"context"
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/usageplan"
)

// TestAccessGroups looks up a key whose groups change. It is in plan p by a link.
func TestAccessGroups(t *testing.T) {
	for name, client := range map[string]rueidis.Client{
		"miniredis": dial(t, miniredis.RunT(t).Addr()),
		"redis":     dial(t, redistest.Start(t)),
		"cluster":   cluster(t),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, client, decisionScripts)
			key := apikey.Key{ID: "k", Digest: apikey.DigestOf("secret"), Version: 1}
			require.NoError(t, s.InsertKey(t.Context(), key))
			for _, id := range []string{"p", "q", "r"} {
				require.NoError(t, s.InsertPlan(t.Context(), usageplan.Plan{ID: id}))
			}
			require.NoError(t, s.InsertLink(t.Context(), usageplan.Link{PlanID: "p", KeyID: "k"}))
			for _, step := range []struct {
				name   string
				put    usageplan.Group // ID "": none
				drop   string          // a group's ID; "": none
				moveTo string          // the key's group
				groups []string
				plans  []string
			}{
				{"no group", usageplan.Group{ID: "other", PlanID: "r"}, "", "", nil, []string{"p"}},
				{"a group that is missing", usageplan.Group{}, "", "team", nil, []string{"p"}},
				{"a group", usageplan.Group{ID: "team"}, "", "team", []string{"team"}, []string{"p"}},
				{"with a plan", usageplan.Group{ID: "team", PlanID: "q"}, "", "team", []string{"team"}, []string{"p", "q"}},
				{"with the link's plan", usageplan.Group{ID: "team", PlanID: "p"}, "", "team", []string{"team"}, []string{"p"}},
				{"with a plan that is missing", usageplan.Group{ID: "team", PlanID: "gone"}, "", "team", []string{"team"}, []string{"p"}},
				{"a parent that is missing", usageplan.Group{ID: "team", ParentID: "acme", PlanID: "q"}, "", "team", []string{"team"}, []string{"p", "q"}},
				{"a parent", usageplan.Group{ID: "acme", PlanID: "r"}, "", "team", []string{"team", "acme"}, []string{"p", "q", "r"}},
				{"with the group's plan", usageplan.Group{ID: "acme", PlanID: "q"}, "", "team", []string{"team", "acme"}, []string{"p", "q"}},
				{"the parent alone", usageplan.Group{}, "", "acme", []string{"acme"}, []string{"p", "q"}},
				{"three", usageplan.Group{ID: "squad", ParentID: "team"}, "", "squad", []string{"squad", "team", "acme"}, []string{"p", "q"}},
				{"four", usageplan.Group{ID: "acme", ParentID: "other"}, "", "squad", []string{"squad", "team", "acme", "other"}, []string{"p", "q", "r"}},
				{"five", usageplan.Group{ID: "other", ParentID: "more", PlanID: "r"}, "", "squad", []string{"squad", "team", "acme", "other"}, []string{"p", "q", "r"}},
				{"a cycle", usageplan.Group{ID: "acme", ParentID: "team", PlanID: "r"}, "", "squad", []string{"squad", "team", "acme", "team"}, []string{"p", "q", "r"}},
				{"its own parent", usageplan.Group{ID: "team", ParentID: "team", PlanID: "q"}, "", "team", []string{"team", "team", "team", "team"}, []string{"p", "q"}},
				{"a deleted group", usageplan.Group{}, "team", "squad", []string{"squad"}, []string{"p"}},
				{"no group again", usageplan.Group{}, "", "", nil, []string{"p"}},
			} {
				if step.put.ID != "" {
					if old, err := s.Group(t.Context(), step.put.ID); err == nil {
						step.put.Version = old.Version
						require.NoError(t, s.UpdateGroup(t.Context(), step.put), step.name)
					} else {
						require.NoError(t, s.InsertGroup(t.Context(), step.put), step.name)
					}
				}
				if step.drop != "" {
					require.NoError(t, s.DeleteGroup(t.Context(), step.drop, 0), step.name)
				}
				key.GroupID = step.moveTo
				require.NoError(t, s.UpdateKey(t.Context(), key), step.name)
				key.Version++

				byDigest, err := s.AccessByDigest(t.Context(), key.Digest)
				require.NoError(t, err, step.name)
				byKey, err := s.AccessByKey(t.Context(), "k")
				require.NoError(t, err, step.name)
				require.Equal(t, byDigest, byKey, step.name)
				require.Equal(t, key, byKey.Key, step.name)
				require.Len(t, byKey.Links, 1, step.name)
				var groups, plans []string
				for _, g := range byKey.Groups {
					groups = append(groups, g.ID)
					want, err := s.Group(t.Context(), g.ID)
					require.NoError(t, err, step.name)
					require.Equal(t, want, g, step.name)
				}
				for _, p := range byKey.Plans {
					plans = append(plans, p.ID)
				}
				require.Equal(t, step.groups, groups, step.name)
				require.Equal(t, step.plans, plans, step.name)
				require.LessOrEqual(t, len(groups), usageplan.MaxGroups+1, step.name)
			}
		})
	}
}

// TestAccessCommands counts the commands of a look-up. It is one round trip, and reads
// nothing of groups for a key that is in none.
func TestAccessCommands(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	sample(t, s) // k has a link, and is in a group with a plan below a group without one
	for id, group := range map[string]string{"alone": "", "grouped": "g", "orphan": "none"} {
		require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: id, GroupID: group}))
	}
	require.NoError(t, s.InsertLink(t.Context(), usageplan.Link{PlanID: "p", KeyID: "alone"}))
	_, err := s.AccessByKey(t.Context(), "k") // now the server knows the script
	require.NoError(t, err)
	for _, test := range []struct {
		key   string
		reads int
	}{
		{"alone", 3},   // key, link, plan
		{"k", 6},       // the same, and group, plan, group
		{"grouped", 4}, // key, group, plan, group
		{"orphan", 2},  // key, and the group that is missing
	} {
		require.NoError(t, client.Do(t.Context(), client.B().ConfigResetstat().Build()).Error())
		_, err := s.AccessByKey(t.Context(), test.key)
		require.NoError(t, err)
		calls := commands(t, client)
		delete(calls, "config|resetstat")
		delete(calls, "info")
		require.Equal(t, map[string]int{"evalsha": 1, "zrange": 1, "hget": test.reads}, calls, test.key)
	}
}

// TestFiltered lists keys and groups by each filter. It compares with Passes. Texts are
// such that one could be taken for a part of another.
func TestFiltered(t *testing.T) {
	s := newStore(t, dial(t, redistest.Start(t)), decisionScripts)
	texts := []string{"", "a", "aa", "=a", "^a", "\x00\x00\x00\x01a", "é"}
	var keys []apikey.Key
	var groups []usageplan.Group
	for i, one := range texts {
		for j, two := range texts {
			id := fmt.Sprint(i, "-", j)
			groups = append([]usageplan.Group{{ID: id, ParentID: one, PlanID: two, Version: 1}}, groups...)
			require.NoError(t, s.InsertGroup(t.Context(), groups[0]))
			for n, three := range texts {
				keys = append([]apikey.Key{{ID: fmt.Sprint(id, "-", n), GroupID: one, Name: two, CustomerID: three}}, keys...)
				require.NoError(t, s.InsertKey(t.Context(), keys[0]))
			}
		}
	}
	for _, one := range texts {
		for _, two := range texts {
			f := usageplan.GroupFilter{ParentID: one, PlanID: two}
			var want []usageplan.Group
			for _, g := range groups {
				if f.Passes(&g) {
					want = append(want, g)
				}
			}
			require.Equal(t, want, all(t, func(cursor string) ([]usageplan.Group, string, error) {
				return s.Groups(t.Context(), f, cursor, 20)
			}), "%+q", f)
			for _, three := range texts {
				f := apikey.Filter{GroupID: one, NamePrefix: two, CustomerID: three}
				var want []apikey.Key
				for _, k := range keys {
					if f.Passes(&k) {
						want = append(want, k)
					}
				}
				require.Equal(t, want, all(t, func(cursor string) ([]apikey.Key, string, error) {
					return s.Keys(t.Context(), f, cursor, 20)
				}), "%+q", f)
			}
		}
	}
}

// all returns the records of all pages.
func all[T any](t *testing.T, page func(cursor string) ([]T, string, error)) (list []T) {
	t.Helper()
	for cursor := ""; ; {
		records, next, err := page(cursor)
		require.NoError(t, err)
		list = append(list, records...)
		if next == "" {
			return list
		}
		cursor = next
	}
}

// TestGroupsExamined checks that a page of a filtered listing examines at most
// maxExamined groups or keys, however few it returns.
func TestGroupsExamined(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	for i := range maxExamined + 5 {
		id := fmt.Sprint(i)
		require.NoError(t, s.InsertGroup(t.Context(), usageplan.Group{ID: id, ParentID: "top", PlanID: fmt.Sprint("plan", i/5)}))
		require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: id, GroupID: fmt.Sprint("group", i/5)}))
	}
	for name, page := range map[string]func(ctx context.Context, cursor string, limit int) (int, string, error){
		"groups of a plan": func(ctx context.Context, cursor string, limit int) (int, string, error) {
			page, next, err := s.Groups(ctx, usageplan.GroupFilter{ParentID: "top", PlanID: "plan0"}, cursor, limit)
			return len(page), next, err
		},
		"keys of a group": func(ctx context.Context, cursor string, limit int) (int, string, error) {
			page, next, err := s.Keys(ctx, apikey.Filter{GroupID: "group0"}, cursor, limit)
			return len(page), next, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := page(t.Context(), "", 1) // now the server knows the script
			require.NoError(t, err)
			cursor := ""
			for _, step := range []struct{ limit, found, examined int }{{2, 0, maxExamined}, {2, 2, 2}, {10, 3, 3}} {
				require.NoError(t, client.Do(t.Context(), client.B().ConfigResetstat().Build()).Error())
				found, next, err := page(t.Context(), cursor, step.limit)
				require.NoError(t, err)
				calls := commands(t, client)
				require.Equal(t, step.found, found)
				require.Equal(t, 1, calls["evalsha"])
				require.Equal(t, step.examined, calls["hget"])
				cursor = next
			}
			require.Empty(t, cursor)
		})
	}
}
