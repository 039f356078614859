package keyfile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/keyfile"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestImport shows what a file leaves in the store: for each secret the name of its key,
// whether the key is enabled, and the names of its plans.
func TestImport(t *testing.T) {
	const header = "name,key,enabled,usageplanids\n"
	before := []string{"old true a"}
	for name, c := range map[string]struct {
		file     string
		fail     bool // failOnWarnings
		ids      int
		warnings []string
		err      error
		want     []string // if nil, the store is as before
	}{
		"a new key":             {file: "new,SECRET-2,true,PLAN-A\n", ids: 1, want: []string{"old true a", "new true a"}},
		"two plans":             {file: "new,SECRET-2,false,'PLAN-A,PLAN-C'\n", ids: 1, want: []string{"old true a", "new false a c"}},
		"a key that is there":   {file: "renamed,SECRET-1,false,PLAN-C\n", ids: 1, want: []string{"renamed false a c"}},
		"its plan again":        {file: "old,SECRET-1,true,PLAN-A\n", fail: true, ids: 1, want: before},
		"a secret twice":        {file: "one,SECRET-2,true,PLAN-A\ntwo,SECRET-2,false,PLAN-C\n", ids: 1, want: []string{"old true a", "two false a c"}},
		"no such plan":          {file: "new,SECRET-2,true,nowhere\n", warnings: []string{"line 2: usagePlanIds: no such plan: usageplan: not found"}},
		"the second no plan":    {file: "new,SECRET-2,true,'PLAN-A,nowhere'\n", warnings: []string{"line 2: usagePlanIds: no such plan: usageplan: not found"}},
		"two plans of a stage":  {file: "old,SECRET-1,false,PLAN-B\n", warnings: []string{"has plan"}},
		"a secret too short":    {file: "new,short,true,\nnew,SECRET-2,true,\n", ids: 1, warnings: []string{"line 2: apikey: invalid"}, want: []string{"old true a", "new true"}},
		"too few columns":       {file: "new\nnew,SECRET-2,true,\n", ids: 1, warnings: []string{"line 2: 1 columns: want 4"}, want: []string{"old true a", "new true"}},
		"fail on the first":     {file: "new,short,true,\nnew,SECRET-2,true,\n", fail: true, err: apikey.ErrInvalid},
		"fail on the last":      {file: "renamed,SECRET-1,false,PLAN-C\nnew,SECRET-2,true,PLAN-A\nnew,SECRET-2,true,nowhere\n", fail: true, err: usageplan.ErrNotFound},
		"fail on a second plan": {file: "new,SECRET-2,true,'PLAN-A,PLAN-B'\n", fail: true, err: usageplan.ErrConflict},
		"a long name":           {file: strings.Repeat("n", 1<<19) + ",SECRET-2,true,\n", warnings: []string{"line 2: apikey: invalid: name"}},
		"a long line":           {file: strings.Repeat("n", 1<<20) + ",SECRET-2,true,\n", warnings: []string{"line 2: want at most 1048576 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			h, _, file := imports(t)
			done, err := keyfile.Import(t.Context(), h.keys, h.plans, keyfile.Parse(strings.NewReader(file(header+c.file))), c.fail)
			require.ErrorIs(t, err, c.err)
			require.Len(t, done.KeyIDs, c.ids)
			require.Len(t, done.Warnings, len(c.warnings))
			for i, w := range done.Warnings {
				require.ErrorContains(t, w, c.warnings[i])
				require.NotContains(t, w.Error(), "secret-of-my-own")
				require.Less(t, len(w.Error()), 300)
			}
			if c.want == nil {
				c.want = before
			}
			require.Equal(t, c.want, h.found(firstSecret, secondSecret))
		})
	}
}

// TestImportFails rolls back an import when the store fails in the middle of it and the
// context has ended.
func TestImportFails(t *testing.T) {
	h, _, file := imports(t)
	ctx, cancel := context.WithCancel(t.Context())
	st := &stumbles{Store: h.st, at: "second", stop: cancel}
	keys, plans := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}})), must(usageplan.NewService(st, h.st, usageplan.Config{}))
	rows := keyfile.Parse(strings.NewReader(file("name,key,enabled,usageplanids\nfirst,SECRET-1,false,PLAN-C\nsecond,SECRET-2,true,PLAN-A\n")))
	done, err := keyfile.Import(ctx, keys, plans, rows, false)
	require.ErrorIs(t, err, errBroken)
	require.Empty(t, done)
	require.Equal(t, []string{"old true a"}, h.found(firstSecret, secondSecret))

	st.at, st.deletes = "third", true // the rollback fails too
	rows = keyfile.Parse(strings.NewReader(file("name,key\nsecond,SECRET-2\nthird,another-secret-of-my-own\n")))
	_, err = keyfile.Import(t.Context(), keys, plans, rows, false)
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, err, keyfile.ErrRollback)
}

// plansFail is a store that fails to read plans.
type plansFail struct{ *memory.Store }

func (plansFail) Plan(_ context.Context, id string) (usageplan.Plan, error) {
	return usageplan.Plan{}, fmt.Errorf("plan %s: %w", id, errBroken)
}

// TestImportShowsNoValue has a secret in the column of plans, and a store whose error
// shows the ID that it was asked for.
func TestImportShowsNoValue(t *testing.T) {
	st := plansFail{memory.New(memory.Config{})}
	const secret = "secretsecretsecretsecret"
	row := keyfile.Row{Line: 2, Key: apikey.Key{Name: "a"}, Secret: "anotheranotheranother", PlanIDs: []string{secret}}
	keys, plans := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}})), must(usageplan.NewService(st, st, usageplan.Config{}))
	_, err := keyfile.Import(t.Context(), keys, plans, func(yield func(keyfile.Row, error) bool) { yield(row, nil) }, false)
	require.ErrorIs(t, err, errBroken)
	require.NotContains(t, err.Error(), secret)
}

// TestRollbackSparesOthers rolls back imports whose file cannot be read to its end.
// Before that, somebody else changes what the import changed.
func TestRollbackSparesOthers(t *testing.T) {
	h, old, file := imports(t)
	change := func(t *testing.T, id string) {
		_, err := h.keys.Update(t.Context(), id, func(k *apikey.Key) error { k.Name = "theirs"; return nil })
		require.NoError(t, err)
	}
	byDigest := func(t *testing.T, secret string) string {
		k, err := h.st.KeyByDigest(t.Context(), apikey.DigestOf(secret))
		require.NoError(t, err)
		return k.ID
	}
	for _, step := range []struct {
		name, lines string
		meanwhile   func(t *testing.T)
		want        []string // for the first secret and the second
	}{
		{"nobody else", "one,SECRET-1,false,PLAN-C\n", func(*testing.T) {}, []string{"old true a"}},
		{"a key twice", "one,SECRET-1,false,\ntwo,SECRET-1,true,PLAN-C\n", func(*testing.T) {}, []string{"old true a"}},
		{"a new key twice", "one,SECRET-2,false,PLAN-A\ntwo,SECRET-2,true,PLAN-C\n", func(*testing.T) {}, []string{"old true a"}},
		{"a change of a key that was there", "one,SECRET-1,true,\n", func(t *testing.T) { change(t, old.ID) }, []string{"theirs true a"}},
		{"a new key that is gone", "one,SECRET-2,true,PLAN-A\n", func(t *testing.T) {
			require.NoError(t, h.keys.Delete(t.Context(), byDigest(t, secondSecret)))
		}, []string{"theirs true a"}},
		{"a new key that another import has too", "one,SECRET-2,true,PLAN-A\n", func(t *testing.T) {
			_, err := keyfile.Import(t.Context(), h.keys, h.plans, keyfile.Parse(strings.NewReader(file("name,key,usageplanids\nother,SECRET-2,PLAN-A\n"))), true)
			require.NoError(t, err)
		}, []string{"theirs true a", "other true a"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			rows := func(yield func(keyfile.Row, error) bool) {
				for row, err := range keyfile.Parse(strings.NewReader(file("name,key,enabled,usageplanids\n" + step.lines))) {
					if !yield(row, err) {
						return
					}
				}
				step.meanwhile(t)
				yield(keyfile.Row{}, errBroken)
			}
			_, err := keyfile.Import(t.Context(), h.keys, h.plans, rows, false)
			require.ErrorIs(t, err, errBroken)
			require.NotErrorIs(t, err, keyfile.ErrRollback)
			require.Equal(t, step.want, h.found(firstSecret, secondSecret))
		})
	}
}

// TestImportWarnings fails an import with more than MaxWarnings warnings.
func TestImportWarnings(t *testing.T) {
	h, _, file := imports(t)
	lines := "new,SECRET-2,\n" + strings.Repeat("bad,short,\n", keyfile.MaxWarnings)
	done, err := keyfile.Import(t.Context(), h.keys, h.plans, keyfile.Parse(strings.NewReader(file("name,key,usageplanids\n"+lines))), false)
	require.NoError(t, err)
	require.Len(t, done.Warnings, keyfile.MaxWarnings)
	_, err = keyfile.Import(t.Context(), h.keys, h.plans, keyfile.Parse(strings.NewReader(file("name,key,usageplanids\nrenamed,SECRET-2,\n"+lines+"bad,short,\n"))), false)
	require.ErrorIs(t, err, apikey.ErrInvalid)
	require.Equal(t, []string{"old true a", "new true"}, h.found(firstSecret, secondSecret))
}

// stumbles is a store of keys that fails to insert a key with a given name.
type stumbles struct {
	apikey.Store
	at      string
	stop    context.CancelFunc
	deletes bool // whether deletes fail too
}

func (s *stumbles) InsertKey(ctx context.Context, k apikey.Key) error {
	if k.Name == s.at {
		s.stop()
		return errBroken
	}
	return s.Store.InsertKey(ctx, k)
}

func (s *stumbles) DeleteKey(ctx context.Context, id string) error {
	if s.deletes {
		return errBroken
	}
	return s.Store.DeleteKey(ctx, id)
}

// TestImportRetiring refuses to import a secret that is retiring.
func TestImportRetiring(t *testing.T) {
	h, old, file := imports(t)
	_, _, err := h.keys.Rotate(t.Context(), old.ID, time.Hour)
	require.NoError(t, err)
	done, err := keyfile.Import(t.Context(), h.keys, h.plans, keyfile.Parse(strings.NewReader(file("name,key\nnew,SECRET-1\n"))), false)
	require.NoError(t, err)
	require.Len(t, done.Warnings, 1)
	require.ErrorIs(t, done.Warnings[0], apikey.ErrExists)
	require.Equal(t, []string{"old true a"}, h.found(firstSecret))
}
