package plans_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/plans"
)

// TestWatch changes a file as editors and Kubernetes do, and as a writer does that takes
// long.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, at int) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		when := time.Unix(int64(1_000_000_000+at), 0) // apart, however quick the test is
		require.NoError(t, os.Chtimes(path, when, when))
	}
	link := func(target string) {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, "new")))
		require.NoError(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "plans.yaml")))
	}
	write("1", "a", 0)
	link("1")
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		var down atomic.Bool
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			plans.Watch(ctx, filepath.Join(dir, "plans.yaml"), time.Second, func(context.Context) error {
				calls.Add(1)
				if down.Load() {
					return errors.New("the store is down")
				}
				return nil
			})
		})
		time.Sleep(time.Second / 2)
		for i, step := range []struct {
			change func()
			calls  int32 // within 2s, beside those before
			down   bool
		}{
			{nil, 1, false}, // the first
			{nil, 0, false},
			{func() { write("1", "a", 1) }, 1, false},  // another time
			{func() { write("1", "ab", 1) }, 1, false}, // another size
			{func() { write("2", "ab", 1); link("2") }, 1, false},
			{func() { require.NoError(t, os.Remove(filepath.Join(dir, "2"))) }, 0, false},
			{func() { write("2", "ab", 2) }, 1, false},
			{func() { write("2", "abc", 3) }, 1, true},
			{nil, 2, true},
			{nil, 1, false},
			{nil, 0, false},
		} {
			if step.change != nil {
				step.change()
			}
			down.Store(step.down)
			before := calls.Load()
			time.Sleep(2 * time.Second)
			synctest.Wait()
			require.Equal(t, before+step.calls, calls.Load(), i)
		}

		// A file that is written in parts is not read before the last one.
		before := calls.Load()
		for i := range 5 {
			write("2", "abc", 10+i)
			time.Sleep(time.Second)
			synctest.Wait()
			require.Equal(t, before, calls.Load())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, before+1, calls.Load())
		cancel()
		wg.Wait()
	})
}
