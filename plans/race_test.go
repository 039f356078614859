package plans_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// A raced store has another process that is faster with some links.
type raced struct {
	*memory.Store
	insertLink func(usageplan.Link) error
}

func (s *raced) InsertLink(ctx context.Context, l usageplan.Link) error {
	if err := s.insertLink(l); err != nil {
		return err
	}
	return s.Store.InsertLink(ctx, l)
}

// TestLostRace applies a file with one change, which another process makes first.
func TestLostRace(t *testing.T) {
	t.Parallel()
	st := &raced{Store: memory.New(memory.Config{})}
	st.insertLink = func(l usageplan.Link) error { return st.Store.InsertLink(t.Context(), l) }
	_, s := open(t, st)
	createKey(t, s, "k")
	require.NoError(t, ignore(s.Plans.Put(t.Context(), usageplan.Plan{ID: "p"})))
	made, err := plans.Apply(t.Context(), s, parse(t, "links: [{planId: p, keyId: k}]"), plans.Config{})
	require.NoError(t, err)
	require.True(t, made.Empty())
}

// TestRefusedLink refuses the link of a new key in a group. The key stays disabled,
// because the groups alone would admit it. The next Apply goes on.
func TestRefusedLink(t *testing.T) {
	t.Parallel()
	st := &raced{Store: memory.New(memory.Config{})}
	refuses := true
	st.insertLink = func(usageplan.Link) error {
		if refuses {
			return fmt.Errorf("refused: %w", usageplan.ErrInvalid)
		}
		return nil
	}
	_, s := open(t, st)
	f := parse(t, "plans: [{id: p, quotas: [1/day]}]\ngroups: [{id: g, planId: p}]\n"+
		"keys: [{id: k, groupId: g, enabled: true, digest: "+digest+"}]\nlinks: [{planId: p, keyId: k}]")
	made, err := plans.Apply(t.Context(), s, f, plans.Config{})
	require.ErrorContains(t, err, "plans: create link of key k to plan p: ")
	require.Equal(t, "+ create plan p\n    quotas: [1/day]\n+ create group g\n    planId: p\n+ create key k\n    groupId: g\n    enabled: true", plans.Difference{Changes: made.Changes}.String())
	k, err := s.Keys.Get(t.Context(), "k")
	require.NoError(t, err)
	require.False(t, k.Enabled)

	refuses = false
	made, err = plans.Apply(t.Context(), s, f, plans.Config{})
	require.NoError(t, err)
	require.Equal(t, "+ create link of key k to plan p\n~ update key k\n    enabled: false -> true", made.String())
}

// TestMoveOfStages gives a key another plan for another stage. With Prune it is moved
// there, with what it has used. Without Prune it has both.
func TestMoveOfStages(t *testing.T) {
	t.Parallel()
	for prune, want := range map[bool]string{
		true:  "> move key k from plan a to plan b",
		false: "+ create link of key k to plan b\n  unmanaged: link of key k to plan a",
	} {
		_, s := inMemory(t)
		createKey(t, s, "k")
		const two = "plans: [{id: a, stages: ['x:y']}, {id: b, stages: ['x:z']}]\n"
		apply(t, s, two+"links: [{planId: a, keyId: k}]", plans.Config{})
		require.Equal(t, want, apply(t, s, two+"links: [{planId: b, keyId: k}]", plans.Config{Prune: prune}))
		links, err := s.Plans.KeyLinks(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "a", links[0].Allowance)
	}
}

// TestAsStored checks that what a store has and a file would not make is no difference:
// two plans of a key for every stage, collections that are empty, and a link to no plan.
func TestAsStored(t *testing.T) {
	t.Parallel()
	st := memory.New(memory.Config{})
	_, s := open(t, st)
	ctx := t.Context()
	createKey(t, s, "k")
	require.NoError(t, ignore(s.Plans.Create(ctx, usageplan.Plan{ID: "a", Quotas: []quota.Quota{}, Tags: apikey.Tags{}, Stages: []usageplan.Stage{}})))
	require.NoError(t, ignore(s.Plans.Create(ctx, usageplan.Plan{ID: "b"})))
	require.NoError(t, s.Plans.Link(ctx, "a", "k"))
	require.NoError(t, ignore(s.Plans.AddSpareLink(ctx, usageplan.Link{PlanID: "b", KeyID: "k"})))
	require.NoError(t, st.InsertLink(ctx, usageplan.Link{PlanID: "gone", KeyID: "k", Allowance: "gone", Version: 1}))
	require.NoError(t, ignore(s.Keys.Expire(ctx, "k", time.Date(2099, 1, 1, 0, 0, 0, 123456789, time.UTC))))
	f, err := plans.Export(ctx, s, plans.ExportConfig{})
	require.NoError(t, err)
	text, err := f.YAML()
	require.NoError(t, err)
	require.NotContains(t, string(text), "gone")
	require.Equal(t, "no changes\n  unmanaged: link of key k to plan gone", apply(t, s, string(text), plans.Config{}))
	require.Contains(t, apply(t, s, "plans: [{id: a}, {id: b}]\nkeys: [{id: k, expires: '2099-01-01T00:00:00.1234569Z'}]", plans.Config{}), "no changes")
}

// TestPruneKeepsWhatIsNamed keeps a plan and a group that the file does not declare and
// that its keys get.
func TestPruneKeepsWhatIsNamed(t *testing.T) {
	t.Parallel()
	_, s := inMemory(t)
	createKey(t, s, "k")
	apply(t, s, "plans: [{id: a}, {id: b}, {id: c}]\ngroups: [{id: g, planId: b}, {id: h}]", plans.Config{})
	require.Equal(t, `+ create link of key k to plan a
> move key k from no group to group g
- delete group h
- delete plan c
  unmanaged: group g (key k is in it)
  unmanaged: plan a (key k is linked to it)
  unmanaged: plan b (group g has it)`,
		apply(t, s, "plans: []\ngroups: []\nkeys: [{id: k, groupId: g}]\nlinks: [{planId: a, keyId: k}]", plans.Config{Prune: true}))
}
