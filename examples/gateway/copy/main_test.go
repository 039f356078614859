package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/transfer"
	"github.com/ration-go/ration/usageplan"
)

var (
	today = time.Now().UTC().Truncate(24 * time.Hour).Unix()
	quota = store.Meter{Name: "day", Max: 100, Start: today, End: today + 86400, Keep: 90 * 24 * time.Hour}
	past  = store.Meter{Name: "day", Max: 100, Start: today - 86400, End: today, Keep: 90 * 24 * time.Hour}
	slow  = store.Meter{Name: "throttle", Max: 100, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}}
	id    = store.Meter{Name: "id abc", Max: 1, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}, Rare: true}
)

const subjects = 30

// saved returns the name of a file that a memory store has saved.
func saved(t *testing.T) string {
	t.Helper()
	ctx, s := t.Context(), memory.New(memory.Config{})
	for i := range 3 {
		require.NoError(t, s.InsertPlan(ctx, usageplan.Plan{ID: fmt.Sprint("plan-", i), Name: "p", Created: time.Now()}))
	}
	require.NoError(t, s.UpdatePlan(ctx, usageplan.Plan{ID: "plan-1", Version: 1, Name: "changed"}))
	require.NoError(t, s.InsertGroup(ctx, usageplan.Group{ID: "acme", PlanID: "plan-1"}))
	for i := range subjects {
		name := fmt.Sprintf("key-%d\x00'%%", i)
		require.NoError(t, s.InsertKey(ctx, apikey.Key{ID: fmt.Sprint("key-", i), Digest: apikey.DigestOf(name), Enabled: true, Version: 3, Created: time.Now()}))
		require.NoError(t, s.InsertLink(ctx, usageplan.Link{KeyID: fmt.Sprint("key-", i), PlanID: fmt.Sprint("plan-", i%3), Allowance: "a"}))
		for _, m := range []store.Meter{past, quota, slow} {
			require.NoError(t, s.Take(ctx, store.NewCharge(name, int64(i+1), m)))
		}
		require.NoError(t, s.Take(ctx, store.NewCharge(name, 1, id)))
	}
	require.NoError(t, s.Take(ctx, &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "key-0\x00'%"}, {Subject: "@acme>\xff"}}}))
	path := filepath.Join(t.TempDir(), "ration.json")
	require.NoError(t, s.Save(path))
	return "file:" + path
}

// requireCopied checks that a store has everything that saved has made.
func requireCopied(t *testing.T, name string) {
	t.Helper()
	ctx := t.Context()
	s, err := stores.Open(ctx, name, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for i := range subjects {
		subject := fmt.Sprintf("key-%d\x00'%%", i)
		k, err := s.KeyByDigest(ctx, apikey.DigestOf(subject))
		require.NoError(t, err)
		require.EqualValues(t, 3, k.Version)
		if i == 0 {
			var moved *store.MovedError
			require.ErrorAs(t, s.Take(ctx, store.NewCharge(subject, 1, quota)), &moved)
			subject = moved.To
			require.Equal(t, "@acme>\xff", subject)
		}
		n := int64(i + 1)
		c := store.NewCharge(subject, 0, past, quota, slow, id)
		require.NoError(t, s.Take(ctx, c))
		l := c.Parts[0].Levels
		require.Equal(t, []int64{n, n, n, 1}, []int64{l[0].Used, l[1].Used, l[2].Used, l[3].Used}, "%q", subject)
		c = store.NewCharge(subject, 1, id)
		require.NoError(t, s.Take(ctx, c))
		require.False(t, c.OK, "the ID was charged before")
	}
	p, err := s.Plan(ctx, "plan-1")
	require.NoError(t, err)
	require.EqualValues(t, 2, p.Version)
}

// TestChain copies a file to SQLite, that to PostgreSQL, that to Redis, and back.
func TestChain(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	names := []string{
		saved(t), "sqlite:" + filepath.Join(t.TempDir(), "a.db"), server.Database(t), "redis://" + redistest.Start(t),
		server.Database(t), "sqlite:" + filepath.Join(t.TempDir(), "b.db"),
	}
	for i, to := range names[1:] {
		var out strings.Builder
		require.NoError(t, run(t.Context(), []string{"-from", names[i], "-to", to}, &out, io.Discard), "to %s", to)
		require.Contains(t, out.String(), "done: 3 plans, 1 groups, 30 keys, 30 links, 31 subjects\n")
		require.Contains(t, out.String(), "compared: 3 plans, 1 groups, 30 keys, 30 links, 31 subjects\n")
		requireCopied(t, to)
		require.ErrorIs(t, run(t.Context(), []string{"-from", names[i], "-to", to}, io.Discard, io.Discard), transfer.ErrNotEmpty)
	}
}

// TestState interrupts a copy, and goes on with the file of its state.
func TestState(t *testing.T) {
	t.Parallel()
	from, to, state := saved(t), "sqlite:"+filepath.Join(t.TempDir(), "a.db"), filepath.Join(t.TempDir(), "state")
	ctx, cancel := context.WithCancel(t.Context())
	err := run(ctx, []string{"-from", from, "-to", to, "-state", state}, writer(func(string) { cancel() }), io.Discard)
	require.ErrorIs(t, err, context.Canceled)
	text, err := os.ReadFile(state)
	require.NoError(t, err)
	var p transfer.Progress
	require.NoError(t, json.Unmarshal(text, &p))
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{"-from", from, "-to", to, "-state", state}, &out, io.Discard))
	require.Contains(t, out.String(), "goes on with "+string(p.Part))
	requireCopied(t, to)
	require.NoFileExists(t, state)
}

type writer func(string)

func (w writer) Write(p []byte) (int, error) { w(string(p)); return len(p), nil }

// TestFlags checks the errors about flags. None has a password.
func TestFlags(t *testing.T) {
	for line, want := range map[string]string{
		"":                            "-from, -to: want two stores",
		"-from sqlite:a -to sqlite:a": "-from, -to: want two stores",
		"-from memory -to sqlite:a":   "-from: memory",
		"-from file:/nowhere -to sqlite:/nowhere/a":            "-from: file /nowhere",
		"-from postgres://u:secret@:x/ -to sqlite:a":           "-from: want postgres://",
		"-from postgres://u:secret@127.0.0.1:1/d -to sqlite:a": "-from: ",
		"-from paper -to sqlite:a":                             "-from: want memory, sqlite:PATH",
	} {
		err := run(t.Context(), strings.Fields(line), io.Discard, io.Discard)
		require.ErrorContains(t, err, want, line)
		require.NotContains(t, err.Error(), "secret")
	}
}

// TestNothingToCopy requires an error if the source does not exist or is empty, because
// its name was most likely mistyped.
func TestNothingToCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing, empty, target := filepath.Join(dir, "missing.db"), filepath.Join(dir, "empty.db"), filepath.Join(dir, "target.db")

	err := run(t.Context(), []string{"-from", "sqlite:" + missing, "-to", "sqlite:" + target}, io.Discard, io.Discard)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoFileExists(t, missing)

	st, err := stores.Open(t.Context(), "sqlite:"+empty, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, st.Close())
	err = run(t.Context(), []string{"-from", "sqlite:" + empty, "-to", "sqlite:" + target}, io.Discard, io.Discard)
	require.EqualError(t, err, "-from: want a store that has something: this one is empty")
}
