package history_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/store/memory"
)

// broken is a Store that does not take entries: it waits, or fails at once.
type broken struct {
	history.Store
	hangs bool
}

func (b broken) Append(ctx context.Context, _ history.Entry) error {
	if b.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return errors.New("disk full")
}

// TestLost has a Store that fails. The change stands, its caller waits for no longer than
// the Timeout, and the log has the whole entry.
func TestLost(t *testing.T) {
	for name, test := range map[string]struct {
		store broken
		waits time.Duration
		says  string
	}{
		"fails": {broken{}, 0, "disk full"},
		"hangs": {broken{hangs: true}, 2 * time.Second, "deadline"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			h, err := history.New(test.store, history.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			require.NoError(t, err)
			keys, err := apikey.NewService(memory.New(memory.Config{}), apikey.Config{History: h})
			require.NoError(t, err)
			began := time.Now()
			_, secret, err := keys.Create(t.Context(), apikey.Key{ID: "ann", Enabled: true})
			require.NoError(t, err, name)
			require.Equal(t, test.waits, time.Since(began), name)
			_, err = keys.Verify(t.Context(), secret)
			require.NoError(t, err, name)
			require.EqualValues(t, 1, h.Lost(), name)
			for _, want := range []string{"level=ERROR", `msg="ration: a change was not recorded"`, test.says, "entry.action=create", "entry.id=ann", "entry.after.enabled=true"} {
				require.Contains(t, log.String(), want, name)
			}
		})
	}
}

// gone is a store of keys whose client leaves while it writes.
type gone struct {
	*memory.Store
	leave context.CancelFunc
}

func (g gone) InsertKey(ctx context.Context, k apikey.Key) error {
	defer g.leave()
	return g.Store.InsertKey(ctx, k)
}

// TestClientGone checks that a change is recorded although its client has gone.
func TestClientGone(t *testing.T) {
	h, err := history.New(history.NewMemory(history.Bounds{}), history.Config{})
	require.NoError(t, err)
	ctx, leave := context.WithCancel(history.WithActor(t.Context(), history.Actor{Name: "bob"}))
	keys, err := apikey.NewService(gone{memory.New(memory.Config{}), leave}, apikey.Config{History: h})
	require.NoError(t, err)
	_, _, err = keys.Create(ctx, apikey.Key{ID: "ann"})
	require.NoError(t, err)
	entries, _, err := h.List(t.Context(), history.Filter{Actor: history.Actor{Name: "bob"}}, "", 0)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// TestInvalid checks that New and List report bad arguments.
func TestInvalid(t *testing.T) {
	_, err := history.New((*history.Memory)(nil), history.Config{Timeout: -1})
	require.EqualError(t, err, "history: invalid config: store: nil *history.Memory: want a history.Store\ntimeout: -1ns: want 0 or more")
	h, err := history.New(history.NewMemory(history.Bounds{Max: -1, MaxAge: -1}), history.Config{})
	require.NoError(t, err)
	for _, limit := range []int{-1, 501} {
		_, _, err = h.List(t.Context(), history.Filter{}, "", limit)
		require.ErrorIs(t, err, history.ErrInvalid)
	}
	require.PanicsWithValue(t, "history: NewLog: logger: nil *slog.Logger: want a slog.Logger", func() { history.NewLog(nil) })
}

// TestRecorders checks that each Recorder is told.
func TestRecorders(t *testing.T) {
	a, b := history.NewMemory(history.Bounds{}), history.NewMemory(history.Bounds{})
	var all history.Recorders
	for _, m := range []*history.Memory{a, b} {
		h, err := history.New(m, history.Config{})
		require.NoError(t, err)
		all = append(all, h, nil)
	}
	history.Tell(t.Context(), all, history.Change{Action: history.Create, Kind: history.KindPlan, ID: "free", After: struct{}{}})
	for _, m := range []*history.Memory{a, b} {
		entries, _, err := m.List(t.Context(), history.Filter{ID: "free"}, "", 1)
		require.NoError(t, err)
		require.Len(t, entries, 1)
	}
}

// vault is a Store that has a password for its database.
type vault struct {
	*history.Memory
	password string
}

// TestNothingShowsASecret makes a key, rotates, updates and deletes it, and looks for its
// secrets and their digests in all that is recorded.
func TestNothingShowsASecret(t *testing.T) {
	ctx := t.Context()
	var log bytes.Buffer
	m := history.NewMemory(history.Bounds{})
	h, err := history.New(vault{m, "hunter2pass"}, history.Config{})
	require.NoError(t, err)
	l := history.NewLog(slog.New(slog.NewTextHandler(&log, nil)))
	keys, err := apikey.NewService(memory.New(memory.Config{}), apikey.Config{History: history.Recorders{h, l}, Seal: cleartext{}})
	require.NoError(t, err)

	_, first, err := keys.Create(ctx, apikey.Key{ID: "ann", Enabled: true})
	require.NoError(t, err)
	_, second, err := keys.Rotate(ctx, "ann", time.Hour)
	require.NoError(t, err)
	k, err := keys.Disable(ctx, "ann")
	require.NoError(t, err)
	require.NoError(t, keys.Delete(ctx, "ann"))
	entries, _, err := m.List(ctx, history.Filter{}, "", 10)
	require.NoError(t, err)
	require.Len(t, entries, 4)
	rotated := entries[2].Diff()
	require.Equal(t, "hint", rotated[0].Name)
	require.Equal(t, "retiringUntil", rotated[1].Name)
	require.Len(t, rotated, 2)

	values := map[string]any{
		"Memory": m, "History": h, "Log": l, "Entry": entries, "Field": rotated, "Actor": history.Actor{}, "Filter": history.Filter{},
		"Change": history.Change{After: k.Recorded()}, "Config": history.Config{}, "Bounds": history.Bounds{}, "a log": log.String(),
	}
	for _, e := range entries {
		values["state before "+e.Action], values["state after "+e.Action] = string(e.Before), string(e.After)
	}
	leak.Complete(t, values)
	delete(values, "Change") // holds the Key, which Tell encodes
	values["what Tell encodes"] = history.State(k.Recorded())
	for _, secret := range []apikey.Secret{first, second} {
		digest := apikey.DigestOf(string(secret))
		leak.Check(t, string(secret)[4:36], values)
		leak.Check(t, string(digest[:]), values)
	}
	leak.Check(t, "hunter2pass", values)
	require.Contains(t, log.String(), second.String(), "the hint")
}
