package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/alert"
)

// anEvent returns the n-th Event. Its window ends in a day.
func anEvent(n int) alert.Event {
	at := time.Now().Add(time.Duration(n) * time.Second).UTC().Round(0)
	return alert.Event{ID: fmt.Sprintf("evt_%04d", n), At: at, End: at.Add(24 * time.Hour), Threshold: 80}
}

func open(t *testing.T, dir string, most int) *Outbox {
	o, err := OpenOutbox(dir, most)
	require.NoError(t, err)
	return o
}

// waiting returns the IDs that wait, oldest first.
func waiting(o *Outbox) (all []string) {
	seen := map[string]bool{}
	for {
		e, at, ok := o.Next(func(e alert.Event) time.Time {
			if seen[e.ID] {
				return time.Unix(1, 0)
			}
			return time.Time{}
		})
		if !ok || !at.IsZero() {
			return all
		}
		seen[e.ID] = true
		all = append(all, e.ID)
	}
}

// TestOutbox puts Events, and opens the directory again after each step.
func TestOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "new")
		o := open(t, dir, 3)
		for n := range 3 {
			require.NoError(t, o.Put(anEvent(n)))
		}
		require.ErrorIs(t, o.Put(anEvent(3)), errFull)
		require.NoError(t, o.Put(anEvent(2)), "a repeat needs no room")
		all := []string{"evt_0000", "evt_0001", "evt_0002"}
		require.Equal(t, all, waiting(o))

		require.NoError(t, os.WriteFile(filepath.Join(dir, "evt_9.tmp"), []byte(`{"id":`), 0o600))
		o = open(t, dir, 3)
		require.Equal(t, all, waiting(o), "what was not whole was not accepted")
		require.NoFileExists(t, filepath.Join(dir, "evt_9.tmp"))

		e, _, ok := o.Next(func(alert.Event) time.Time { return time.Time{} })
		require.True(t, ok)
		require.Equal(t, anEvent(0), e, "each field")
		changed := o.Changed()
		require.NoError(t, o.Done(e))
		<-changed
		for range 2 {
			require.NoError(t, o.Put(e), "a repeat of what was delivered")
			require.Equal(t, all[1:], waiting(o))
			o = open(t, dir, 3)
		}
		require.Error(t, o.Done(e))
		require.NoError(t, o.Put(anEvent(3)), "there is room again")

		time.Sleep(24*time.Hour + time.Second)
		open(t, dir, 3)
		require.NoFileExists(t, filepath.Join(dir, "evt_0000.sent"), "its window has ended")
		require.FileExists(t, filepath.Join(dir, "evt_0001.json"), "it still waits")
	})
}

// TestOutboxIDs checks that no ID leads out of the directory.
func TestOutboxIDs(t *testing.T) {
	o := open(t, t.TempDir(), 3)
	for _, id := range []string{"", "../evt", "a/b", "a.b", "ä", string(make([]byte, 65))} {
		require.ErrorContains(t, o.Put(alert.Event{ID: id}), "want 1 to 64 ASCII letters", id)
	}
}

// TestDamagedOutbox opens a directory with a file that is not JSON.
func TestDamagedOutbox(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "evt_9.json"), []byte(`{`), 0o600))
	_, err := OpenOutbox(dir, 3)
	require.ErrorContains(t, err, "evt_9.json")
	_, err = OpenOutbox(filepath.Join(dir, "evt_9.json"), 3)
	require.Error(t, err)
}
