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

// inStore is what the store of TestReferences has.
const inStore = `
plans: [{id: free, quotas: [1/day]}, {id: pro, stages: ['a:x']}, {id: max, stages: ['a:y']}]
groups: [{id: acme}, {id: team, parentId: acme}, {id: search, parentId: team}, {id: other}]
keys: [{id: k, groupId: acme}]
links: [{planId: pro, keyId: k}, {planId: max, keyId: k}]
`

// TestReferences finds all faults that only a store can tell, together with one that
// Parse has found.
func TestReferences(t *testing.T) {
	t.Parallel()
	_, s := inMemory(t)
	createKey(t, s, "k")
	apply(t, s, inStore, plans.Config{})
	f, err := plans.Parse("f", []byte(`plans:
  - {id: a, throtle: 5/s, quotas: [1 bytes/day]}
  - {id: both, stages: ['a:x', 'a:y'], for: {gpt: {quotas: [1/day]}}}
groups:
  - {id: team, parentId: other}
  - {id: acme, parentId: other}
  - {id: search}
  - {id: deep, parentId: search}
  - {id: new, parentId: nothing, planId: nothing}
  - {id: over, planId: free, throttles: [1/s as day]}
keys:
  - {id: missing}
  - {id: k, groupId: nothing}
  - {id: new, enabled: true, expires: "2001-01-01T00:00:00Z", digest: `+digest+`}
links:
  - {planId: nothing, keyId: nobody}
  - {planId: both, keyId: k}
  - {planId: free, keyId: new, quotas: [5 bytes/day]}
  - {planId: a, keyId: new}
`))
	require.Error(t, err)
	made, err := plans.Apply(t.Context(), s, f, plans.Config{})
	require.True(t, made.Empty())
	require.EqualError(t, err, `plans: invalid: 16 faults:
f:2:13: plans[0].throtle: unknown member: did you mean throttle?
f:2:36: plans[0].quotas[0].unit: "bytes": want one that is declared: requests, tokens
f:3:51: plans[1].for["gpt"]: class: "gpt": want one that is declared: opus, haiku
f:5:26: groups[0].parentId: "other": is in the family of other: want a group in the family of acme, which the stored group cannot leave
f:6:26: groups[1].parentId: "other": the stored group has none, and the root of a family stays its root
f:7:5: groups[2]: parentId: missing: want a group of the family of acme, which the stored group cannot leave
f:9:25: groups[4].parentId: "nothing": no such group: want one of the file or of the store
f:9:42: groups[4].planId: "nothing": no such plan: want one of the file or of the store
f:10:5: groups[5]: with the other limits of plan free: quotas[0].name: "day": want a unique name ("throttle", "use" and names that begin with "use " or "throttle " are reserved): in a text, add " as NAME"
f:12:5: keys[0]: id: "missing": no such key in the store: create it, add the digest of its secret, or take it out of the file if it was deleted
f:13:22: keys[1].groupId: "nothing": no such group: want one of the file or of the store
f:16:14: links[0].planId: "nothing": no such plan: want one of the file or of the store
f:16:30: links[0].keyId: "nobody": no such key: want one of the file or of the store
f:17:5: links[1]: key k has plan max for stage a:y, too: want one of the two
f:18:41: links[2].quotas[0].unit: "bytes": want one that is declared: requests, tokens
f:19:5: links[3]: key new has plan free for every stage, too: want one of the two`)
	_, err = plans.Diff(t.Context(), s, f, plans.Config{}) // the File is as it was
	require.ErrorContains(t, err, "16 faults")
}

// TestWithout checks services that miss something.
func TestWithout(t *testing.T) {
	t.Parallel()
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{})
	require.NoError(t, err)
	defer r.Close()
	ctx := t.Context()

	f := parse(t, "groups: [{id: g}]\nkeys: [{id: k, groupId: g, enabled: true, digest: "+digest+"}]")
	_, err = plans.Diff(ctx, plans.Services{Keys: r.Keys, Plans: r.Plans}, f, plans.Config{})
	require.ErrorContains(t, err, "plans.yaml:1:10: groups[0]: the store keeps no groups\nplans.yaml:2:25: keys[0].groupId: the store keeps no groups")
	_, err = plans.Diff(ctx, plans.Services{Keys: r.Keys, Plans: r.Plans, Groups: r.Groups}, f, plans.Config{})
	require.ErrorContains(t, err, "keys[0].digest: the form of the secret is not known: want AcceptForeign")
	for _, s := range []plans.Services{{}, {Keys: r.Keys}, {Plans: r.Plans}} {
		_, err = plans.Apply(ctx, s, f, plans.Config{})
		require.EqualError(t, err, "plans: services: keys, plans: nil: want both")
		_, err = plans.Export(ctx, s, plans.ExportConfig{})
		require.EqualError(t, err, "plans: services: keys, plans: nil: want both")
	}
}

// TestProgram checks the faults of a File that a program has made.
func TestProgram(t *testing.T) {
	t.Parallel()
	_, s := inMemory(t)
	f := &plans.File{Plans: []usageplan.Plan{{ID: "a"}, {ID: "a"}, {}}, Keys: []plans.Key{{ID: "x y"}}}
	_, err := plans.Apply(t.Context(), s, f, plans.Config{})
	require.EqualError(t, err, `plans: invalid: 4 faults:
keys[0].id: "x y": want 1 to 64 ASCII letters, digits, '_' and '-'
plans[1].id: "a": there twice, first at plans[0].id: want it once
plans[2]: id: missing: want one
keys[0]: id: "x y": no such key in the store: create it, add the digest of its secret, or take it out of the file if it was deleted`)
}

// TestHalfMove finishes a move of a key to another plan that was interrupted, and leaves
// one alone that may be under way.
func TestHalfMove(t *testing.T) {
	t.Parallel()
	const both = "plans: [{id: a, quotas: [1/day]}, {id: b, quotas: [1/day]}]\n"
	for text, want := range map[string]string{
		both + "links: [{planId: b, keyId: k}]": "- delete link of key k to plan a",
		both + "links: [{planId: a, keyId: k}]": "no changes\n  unmanaged: link of key k to plan b (it is being moved to this plan)",
	} {
		st := memory.New(memory.Config{})
		_, s := open(t, st)
		createKey(t, s, "k")
		apply(t, s, both+"links: [{planId: a, keyId: k}]", plans.Config{})
		require.NoError(t, st.InsertLink(t.Context(), usageplan.Link{PlanID: "b", KeyID: "k", Allowance: "a", Version: 1}))
		require.Equal(t, want, apply(t, s, text, plans.Config{Prune: true}))
	}
}

// TestStages lets two plans exchange a stage, which needs a second attempt: at first the
// other plan of the key is still for the stage.
func TestStages(t *testing.T) {
	t.Parallel()
	_, s := inMemory(t)
	createKey(t, s, "k")
	apply(t, s, inStore, plans.Config{})
	f := parse(t, "plans: [{id: pro, stages: ['a:y']}, {id: max, stages: ['a:z']}]")
	_, err := plans.Apply(t.Context(), s, f, plans.Config{})
	require.NoError(t, err)
	d, err := plans.Diff(t.Context(), s, f, plans.Config{})
	require.NoError(t, err)
	require.True(t, d.Empty(), d)

	// A stage that a plan the file does not have keeps is refused, and the rest is made.
	f = parse(t, "plans: [{id: max, name: Max}, {id: pro, stages: ['a:y']}, {id: new, stages: ['a:y']}]\nlinks: [{planId: new, keyId: k}, {planId: pro, keyId: k}]")
	_, err = plans.Apply(t.Context(), s, f, plans.Config{})
	require.ErrorContains(t, err, "links[1]: key k has plan new for stage a:y, too: want one of the two")
}

// TestRotated checks that a file with the digest of a secret does not undo a rotation.
func TestRotated(t *testing.T) {
	t.Parallel()
	_, s := inMemory(t)
	text := "keys: [{id: k, enabled: true, name: K, expires: never, digest: " + apikey.DigestOf("a secret that clients have").String() + "}]"
	_, err := plans.Parse("", []byte(text))
	require.ErrorContains(t, err, "keys[0].digest: 8 characters: want 64 hexadecimal digits")

	text = "keys: [{id: k, enabled: true, name: K, expires: never, digest: " + digest + "}]"
	apply(t, s, text, plans.Config{})
	_, secret, err := s.Keys.Rotate(t.Context(), "k", 0)
	require.NoError(t, err)
	require.Equal(t, "no changes", apply(t, s, text, plans.Config{}))
	k, err := s.Keys.Verify(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, "K", k.Name)
}
