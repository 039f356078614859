package history_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/history"
)

// TestDiff compares states field by field, and prints what differs.
func TestDiff(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		want          string // name: before -> after
	}{
		"one field":     {`{"id":"a","name":"x","version":1}`, `{"id":"a","name":"y","version":2}`, `name: "x" -> "y"`},
		"none":          {`{"id":"a","version":1}`, `{"id":"a","version":2}`, ``},
		"created":       {``, `{"id":"a","enabled":true,"version":1}`, `enabled: (none) -> true, id: (none) -> "a"`},
		"deleted":       {`{"id":"a","version":7}`, ``, `id: "a" -> (none)`},
		"a new field":   {`{}`, `{"name":"y"}`, `name: (none) -> "y"`},
		"nested":        {`{"tags":{"a":"1","b":"2"}}`, `{"tags":{"a":"1","b":"3","version":"4"}}`, `tags.b: "2" -> "3", tags.version: (none) -> "4"`},
		"a list":        {`{"quotas":["1/day","2/hour"]}`, `{"quotas":["1/day"]}`, `quotas: ["1/day","2/hour"] -> ["1/day"]`},
		"another kind":  {`{"x":{"a":1}}`, `{"x":null}`, `x: {"a":1} -> null`},
		"no objects":    {`1`, `2`, ``},
		"a broken text": {`{"a":`, `{"a":1}`, `a: (none) -> 1`},
	} {
		e := history.Entry{Before: json.RawMessage(test.before), After: json.RawMessage(test.after)}
		var got []string
		for _, f := range e.Diff() {
			got = append(got, fmt.Sprint(f))
		}
		require.Equal(t, test.want, strings.Join(got, ", "), name)
	}
}

// TestFilter checks which entries a Filter selects by the parts of their ID.
func TestFilter(t *testing.T) {
	for id, want := range map[string][]bool{ // by the filters of ann, ann/free, free and day
		"ann":                {true, false, false, false},
		"ann/free":           {true, true, true, false},
		"ann/free/day":       {true, true, true, true},
		"anna/free":          {false, false, true, false},
		"bob/ann/free":       {true, true, true, false},
		"acme/opus day/days": {false, false, false, false},
	} {
		for i, part := range []string{"ann", "ann/free", "free", "day"} {
			f := history.Filter{ID: part}
			require.Equal(t, want[i], f.Passes(&history.Entry{ID: id}), "%s of %s", part, id)
		}
	}
}

// TestState checks that a state is bounded, and that two large states still differ.
func TestState(t *testing.T) {
	type thing struct {
		ID      string
		Text    string            `json:",omitzero"`
		Other   string            `json:",omitzero"`
		Members map[string]string `json:",omitzero"`
	}
	many := map[string]string{}
	for i := range 3000 {
		many[fmt.Sprint("member ", i)] = "of the thing"
	}
	long := strings.Repeat("é<", 10_000)
	for name, test := range map[string]struct {
		of   any
		want string // how it begins
	}{
		"nil":              {nil, ""},
		"small":            {thing{ID: "a", Text: "<b>"}, `{"ID":"a","Text":"\u003cb\u003e"}`},
		"a long text":      {thing{ID: "a", Text: long, Other: "b"}, `{"ID":"a","Other":"b","Text":"(80002 bytes, SHA-256 `},
		"two long texts":   {thing{ID: "a", Text: long, Other: strings.Repeat("b", 15_000)}, `{"ID":"a","Other":"bbb`},
		"two longer ones":  {thing{ID: "a", Text: long, Other: strings.Repeat("b", 17_000)}, `{"ID":"a","Other":"(17002 bytes, SHA-256 `},
		"many members":     {thing{ID: "a", Members: many}, `{"ID":"a","Members":"(`},
		"too many members": {many, `"(`},
		"no JSON":          {func() {}, `{"error":"json: unsupported type: func()"}`},
	} {
		state := history.State(test.of)
		require.LessOrEqual(t, len(state), history.MaxState, name)
		require.True(t, state == nil || json.Valid(state), name)
		require.True(t, strings.HasPrefix(string(state), test.want), "%s: %.200s", name, state)
	}
	e := history.Entry{Before: history.State(thing{Text: long}), After: history.State(thing{Text: long + "!"})}
	require.Len(t, e.Diff(), 1)
}

// TestTell checks that Tell cuts what is too long, so that every store takes it.
func TestTell(t *testing.T) {
	long := strings.Repeat("é", 10_000)
	m := history.NewMemory(history.Bounds{})
	h, err := history.New(m, history.Config{})
	require.NoError(t, err)
	for name, c := range map[string]history.Change{
		"long":        {Action: long, Kind: long, ID: long, Before: nil, After: map[string]string{"a": long}},
		"bad":         {Action: "\xff\x00", Kind: "\xff", ID: "\x00", After: map[string]string{"\xff": "\x00"}},
		"a raw state": {Before: json.RawMessage(`{"a":1}`), After: json.RawMessage("{")},
	} {
		ctx := history.WithActor(t.Context(), history.Actor{Kind: "\x00" + long, Name: long + "\xff"})
		history.Tell(ctx, h, c)
		require.Zero(t, h.Lost(), name)
	}
	entries, _, err := h.List(t.Context(), history.Filter{}, "", 0)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	history.Tell(t.Context(), nil, history.Change{}) // nothing

	for unseen, want := range map[bool]int{false: 0, true: 1} {
		m := history.NewMemory(history.Bounds{})
		h, err := history.New(m, history.Config{})
		require.NoError(t, err)
		history.Tell(t.Context(), h, history.Change{Before: struct{}{}, After: struct{}{}, Unseen: unseen})
		entries, _, err := m.List(t.Context(), history.Filter{}, "", 1)
		require.NoError(t, err)
		require.Len(t, entries, want)
	}
}

// TestActor checks whose a change is.
func TestActor(t *testing.T) {
	ctx := context.Background()
	require.Equal(t, "unknown", history.ActorOf(ctx).String())
	ctx = history.WithActor(ctx, history.Actor{Kind: history.ActorService, Name: "billing"})
	require.Equal(t, "service billing", history.ActorOf(ctx).String())
	ctx = history.WithActor(ctx, history.Actor{Kind: history.ActorAWS, Name: "AKID"})
	require.Equal(t, "aws AKID", history.ActorOf(ctx).String())
	require.Equal(t, "alice", history.Actor{Name: "alice"}.String())
	require.Equal(t, "service", history.Actor{Kind: "service"}.String())
}
