package memory_test

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// TestSweptParts charges members of a family, of which half have an account that is
// spent. The space for the new half is made by evicting the accounts of the others, so
// all of them are new.
func TestSweptParts(t *testing.T) {
	for spent := range store.MaxParts {
		for live := range 7 {
			s := memory.New(memory.Config{})
			now := time.Now()
			old := now.Add(-time.Hour)
			for i := range live {
				mustTake(t, s, "org>live "+strconv.Itoa(i), now, 1, day("day", now, 10, time.Hour))
			}
			for i := range spent {
				mustTake(t, s, "org>"+strconv.Itoa(i), old, 1, bucket)
			}
			c := &store.Charge{At: now}
			for i := range store.MaxParts {
				c.Parts = append(c.Parts, store.NewPart("org>"+strconv.Itoa(i), 1, bucket))
			}
			within(t, func() { require.NoError(t, s.Take(t.Context(), c)) })
			require.True(t, c.OK)
			for i := range c.Parts {
				require.EqualValues(t, 1, c.Parts[i].Levels[0].Used)
			}
			require.EqualValues(t, live+store.MaxParts, s.Stats().Subjects)
		}
	}
}

// within fails the test if f takes long, because it waits for itself.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("the charge does not return")
	}
}

// TestRoomForOne counts six new subjects at once, for which there is never room, while
// another caller counts one, for which there is. In a charge the second caller would get
// store.ErrFull.
func TestRoomForOne(t *testing.T) {
	s := memory.New(memory.Config{MaxSubjects: store.MaxParts - 1})
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				assert.False(t, memory.CountSubjects(s, store.MaxParts))
			}
		}
	})
	for range 200_000 {
		if !assert.True(t, memory.CountSubjects(s, 1)) {
			break
		}
		memory.CountSubjects(s, -1)
	}
	close(done)
	wg.Wait()
	require.LessOrEqual(t, s.Stats().Subjects, int64(1))
}

// TestRareWindow marks a window as rare in some charges. Rare is ignored for windows. The
// store is saved and loaded after each step.
func TestRareWindow(t *testing.T) {
	today := time.Now()
	yesterday, tomorrow := today.AddDate(0, 0, -1), today.AddDate(0, 0, 1)
	s := memory.New(memory.Config{})
	for i, step := range []struct {
		day  time.Time
		rare bool
		n    int64
		used int64
	}{
		{today, true, 1, 1},
		{yesterday, false, 1, 1},
		{today, false, 2, 3},
		{tomorrow, false, 1, 1},
		{today, false, 0, 3},
		{today, true, -1, 2},
		{tomorrow, true, 4, 5},
		{today, false, 0, 2},
	} {
		m := day("day", step.day, 100, 100*time.Hour)
		m.Rare = step.rare
		require.Equal(t, step.used, mustTake(t, s, "s", today, step.n, m).Parts[0].Levels[0].Used, i)
		if i > 1 { // a file has the meters in the order of an account's cells
			var file bytes.Buffer
			require.NoError(t, memory.SaveTo(s, &file))
			s = must(memory.LoadSummed(file.Bytes()))
		}
	}
}

// TestClosedByOwnClock moves a subject in a charge whose At is long ago. The subject
// stays closed all the same.
func TestClosedByOwnClock(t *testing.T) {
	now := time.Now()
	for _, at := range []time.Time{now.Add(-2 * store.ClosedFor), time.Unix(-1e12, 0), now} {
		s := memory.New(memory.Config{})
		require.NoError(t, move(t, s, at, "org>old", "org>new"))
		require.NoError(t, move(t, s, now, "org>other", "org>another")) // drops what has opened
		requireMoved(t, s, now, "org>old", "org>new")
	}
}
