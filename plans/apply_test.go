package plans_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

const digest = "4d6d2ae8a5bd4cae1c80e4b8bcb2fe1a6d42e2a8dbd1f90af9b2d2de28bbd2c7"

// TestApply is the life of a file: each text is the next version of it.
func TestApply(t *testing.T) {
	t.Parallel()
	_, s := inMemory(t)
	createKey(t, s, "ranker")
	createKey(t, s, "other")
	require.NoError(t, ignore(s.Plans.Put(t.Context(), usageplan.Plan{ID: "legacy"})))
	require.NoError(t, s.Plans.Link(t.Context(), "legacy", "other"))

	for i, step := range []struct {
		text, want string
		cfg        plans.Config
	}{
		{text: `
plans:
  - id: free
    throttle: 5/s burst 10
    quotas: [1000/day]
  - id: team
    throttles: [300 tokens/minute]
    for:
      opus:
        quotas: [100/day]
groups:
  - {id: search, parentId: acme, planId: team}
  - {id: acme}
keys:
  - id: crawler
    groupId: search
    enabled: true
    digest: ` + digest + `
  - {id: ranker, groupId: acme}
links:
  - {planId: free, keyId: crawler}
  - {planId: free, keyId: ranker, quotas: [10/day]}
`, want: `
+ create plan free
    quotas: [1000/day]
    throttle: 5/s burst 10
+ create plan team
    for["opus"]["quotas"]: [100/day]
    throttles: [5 tokens/s burst 300]
+ create group acme
+ create group search
    parentId: acme
    planId: team
+ create key crawler
    groupId: search
    enabled: true
+ create link of key crawler to plan free
+ create link of key ranker to plan free
    quotas: [10/day]
> move key ranker from no group to group acme
  unmanaged: plan legacy`},

		{text: `
plans:
  - {id: free, name: Free, throttle: 5/s burst 20, quotas: [1000/day]}
  - {id: pro, quotas: [5000/day]}
groups:
  - {id: acme, planId: pro, quotas: []}
keys:
  - {id: crawler, groupId: acme, name: Crawler, tags: {env: prod}}
  - {id: ranker, enabled: false, groupId: ""}
links:
  - {planId: pro, keyId: crawler, throttle: 1/s}
  - {planId: free, keyId: ranker}
`, want: `
~ update plan free
    name: none -> Free
    throttle: 5/s burst 10 -> 5/s burst 20
+ create plan pro
    quotas: [5000/day]
~ update group acme
    planId: none -> pro
    quotas: none -> []
> move key crawler from plan free to plan pro
    throttle: 1/s burst 1
~ update link of key ranker to plan free
    quotas: [10/day] -> none
> move key crawler from group search to group acme
> move key ranker from group acme to no group
~ update key crawler
    name: none -> Crawler
    tags["env"]: none -> prod
~ update key ranker
    enabled: true -> false
  unmanaged: group search
  unmanaged: plan legacy
  unmanaged: plan team`},

		{cfg: plans.Config{Prune: true}, text: `
plans:
  - {id: pro, quotas: [5000/day]}
groups: []
links:
  - {planId: pro, keyId: crawler}
`, want: `
~ update link of key crawler to plan pro
    throttle: 1/s burst 1 -> none
- delete group search
- delete plan team
  unmanaged: group acme (key crawler is in it)
  unmanaged: plan free (key ranker is linked to it)
  unmanaged: plan legacy (key other is linked to it)`},

		{cfg: plans.Config{Prune: true}, text: "plans: []\nkeys: [{id: ranker}, {id: crawler, groupId: ''}]\ngroups: []\nlinks: []\n", want: `
> move key crawler from group acme to no group
- delete link of key crawler to plan pro
- delete link of key ranker to plan free
- delete group acme
- delete plan free
- delete plan pro
  unmanaged: plan legacy (key other is linked to it)`},
	} {
		require.Equal(t, strings.TrimSpace(step.want), apply(t, s, step.text, step.cfg), i)
	}
	_, err := s.Keys.Get(t.Context(), "crawler")
	require.NoError(t, err, "keys are never deleted")
}

func ignore[T any](_ T, err error) error { return err }

// TestUse checks that what keys have used is kept by every change that a file makes.
func TestUse(t *testing.T) {
	t.Parallel()
	for name, st := range stores(t) {
		t.Run(name, func(t *testing.T) {
			r, s := open(t, st)
			createKey(t, s, "k")
			apply(t, s, `
plans: [{id: a, quotas: [10/day]}, {id: b, quotas: [12/day]}]
groups: [{id: acme}, {id: other}]
keys: [{id: k, groupId: acme}]
links: [{planId: a, keyId: k}]
`, plans.Config{})
			use := func(n int, admitted int) {
				t.Helper()
				got := 0
				for range n {
					d, err := r.Gate.Admit(t.Context(), gate.Request{KeyID: "k"})
					require.NoError(t, err)
					if d.Reason == gate.Admitted {
						got++
					}
				}
				require.Equal(t, admitted, got)
			}
			use(9, 9)
			apply(t, s, `
plans: [{id: a, quotas: [10/day]}, {id: b, quotas: [12/day]}]
keys: [{id: k, groupId: other}]
links: [{planId: b, keyId: k, quotas: [11/day]}]
`, plans.Config{Prune: true})
			require.Eventually(t, func() bool { // over Redis, the Gate hears of it
				d, err := r.Gate.Peek(t.Context(), gate.Request{KeyID: "k"})
				return err == nil && d.Plan != nil && d.Plan.ID == "b" && d.Key.GroupID == "other"
			}, 10*time.Second, time.Millisecond)
			use(5, 2)
		})
	}
}

// stores returns a store in memory and one over Redis.
func stores(t *testing.T) map[string]ration.Store {
	return map[string]ration.Store{"memory": memory.New(memory.Config{}), "redis": overRedis(t, redistest.Start(t))}
}

func overRedis(t testing.TB, addr string) ration.Store {
	t.Helper()
	st, err := redis.Open("redis://"+addr, redis.Config{})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { st.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return st
}

// TestExpired applies a file with a key that has expired to an empty store. Such a file
// was right when it was written. It must not keep a service from starting years later, so
// the key is created, and has expired.
func TestExpired(t *testing.T) {
	t.Parallel()
	_, s := inMemory(t)
	const text = `
plans: [{id: free, quotas: [1/day]}]
keys: [{id: old, enabled: true, expires: "2001-01-01T00:00:00Z", digest: ` + digest + `}]
links: [{planId: free, keyId: old}]
`
	require.Contains(t, apply(t, s, text, plans.Config{}), "create key old")
	k, err := s.Keys.Get(t.Context(), "old")
	require.NoError(t, err)
	require.Equal(t, time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), k.Expires)
	require.ErrorIs(t, k.Usable(time.Now()), apikey.ErrExpired)

	f, err := plans.Export(t.Context(), s, plans.ExportConfig{Digests: true})
	require.NoError(t, err)
	_, empty := inMemory(t)
	_, err = plans.Apply(t.Context(), empty, f, plans.Config{})
	require.NoError(t, err, "an export makes the same keys in an empty store")
}

// TestApplyLikeTexts changes values that have the same text as others. A Diff that goes
// by texts would never show them.
func TestApplyLikeTexts(t *testing.T) {
	_, s := inMemory(t)
	createKey(t, s, "k")
	for _, step := range []struct{ file, want string }{
		{"keys: [{id: k, tags: {a: ''}}]", "~ update key k\n    tags[\"a\"]: none -> \"\""},
		{"keys: [{id: k, tags: {b: '', a: none}}]", "~ update key k\n    tags[\"a\"]: \"\" -> \"none\"\n    tags[\"b\"]: none -> \"\""},
		{"keys: [{id: k, tags: {}}]", "~ update key k\n    tags[\"a\"]: \"none\" -> none\n    tags[\"b\"]: \"\" -> none"},
		{"keys: [{id: k, stageKeys: ['a/b, c/d']}]", "~ update key k\n    stageKeys: none -> [\"a/b, c/d\"]"},
		{"keys: [{id: k, stageKeys: [a/b, c/d]}]", "~ update key k\n    stageKeys: [\"a/b, c/d\"] -> [a/b, c/d]"},
		{"plans: [{id: p, tags: {a: ''}}]", "+ create plan p\n    tags[\"a\"]: \"\""},
		{"plans: [{id: p}]", "~ update plan p\n    tags[\"a\"]: \"\" -> none"},
		{"plans: [{id: p, description: \"a\\n+ create plan q\"}]", "~ update plan p\n    description: none -> \"a\\n+ create plan q\""},
	} {
		require.Equal(t, step.want, apply(t, s, step.file, plans.Config{}), step.file)
	}
	k, err := s.Keys.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, []string{"a/b", "c/d"}, k.StageKeys)
	require.Empty(t, k.Tags)
}
