package batch_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/batch"
)

// TestBatches checks which requests share a batch.
func TestBatches(t *testing.T) {
	for name, test := range map[string]struct {
		cfg         batch.Config
		asked, want []string
	}{
		"a single caller does not wait": {batch.Config{}, []string{"a"}, []string{"a"}},
		"all that wait share the next":  {batch.Config{}, []string{"a", "b", "c", "d"}, []string{"a", "b c d"}},
		"two at a time":                 {batch.Config{Calls: 2}, []string{"a", "b", "c", "d"}, []string{"a", "b", "c d"}},
		"of size 1":                     {batch.Config{Size: 1}, []string{"a", "b", "c"}, []string{"a", "b", "c"}},
		"of size 2":                     {batch.Config{Size: 2}, []string{"a", "b", "c", "d"}, []string{"a", "b c", "d"}},
		"of weight 3":                   {batch.Config{Weight: 3}, []string{"a", "bb", "c", "d", "ee"}, []string{"a", "bb c", "d ee"}},
		"one that weighs too much":      {batch.Config{Weight: 3}, []string{"a", "b", "cccc", "d"}, []string{"a", "b", "cccc", "d"}},
		"negative figures":              {batch.Config{Calls: -1, Size: -1, Weight: -1}, []string{"a", "b", "c"}, []string{"a", "b c"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(test.cfg)
				replies := d.ask(t.Context(), test.asked...)
				later(time.Hour)
				require.Equal(t, test.want, d.batches)
				for i, r := range replies {
					require.NoError(t, r.err)
					require.Equal(t, strings.ToUpper(test.asked[i]), r.answer)
				}
			})
		})
	}
}

// TestDefaultBounds has so many callers wait that the next batches are full.
func TestDefaultBounds(t *testing.T) {
	for word, want := range map[string]int{"a": 128, "four": 128, "eight or": 64} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(batch.Config{})
			d.ask(t.Context(), "first")
			for range 200 {
				go func() { _, _ = d.Do(t.Context(), word) }()
			}
			later(time.Hour)
			require.Equal(t, want, strings.Count(d.batches[1], word), word)
		})
	}
}

// TestOrder checks that callers are answered in the order in which they asked.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(batch.Config{Size: 3})
		var words []string
		for i := range 50 {
			words = append(words, fmt.Sprint("word", i))
		}
		replies := d.ask(t.Context(), words...)
		later(time.Hour)
		require.Equal(t, strings.Join(words, " "), strings.Join(d.batches, " "))
		for i := range words {
			require.Equal(t, time.Duration(1+(i+2)/3)*time.Minute, replies[i].after, words[i])
		}
	})
}

// TestFailures checks that errors belong to a request, that a panic belongs to its batch,
// and that the queue then goes on.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(batch.Config{})
		d.ask(t.Context(), "first")
		one := d.ask(t.Context(), "a", "fail", "b")
		later(90 * time.Second)
		two := d.ask(t.Context(), "c", "panic", "d")
		later(time.Minute)
		three := d.ask(t.Context(), "e", "exit", "f")
		later(time.Minute)
		four := d.ask(t.Context(), "g")
		later(time.Hour)

		require.Equal(t, []string{"first", "a fail b", "c panic d", "e exit f", "g"}, d.batches)
		require.NoError(t, one[0].err)
		require.EqualError(t, one[1].err, "failed")
		require.NoError(t, one[2].err)
		for _, r := range two {
			var panicked *batch.PanicError
			require.ErrorAs(t, r.err, &panicked)
			require.Equal(t, "a mistake", panicked.Value)
			require.Contains(t, r.err.Error(), "a mistake")
			require.Contains(t, r.err.Error(), "(*desk).serve", "the stack")
			require.NotErrorIs(t, r.err, store.ErrNotTaken)
		}
		for _, r := range three {
			require.ErrorContains(t, r.err, "Goexit")
			require.NotErrorIs(t, r.err, store.ErrNotTaken)
		}
		require.Equal(t, "G", four[0].answer)
		require.NoError(t, four[0].err)
	})
}

// TestTryAcquire checks that a caller that makes its own call takes the place of a batch.
func TestTryAcquire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(batch.Config{Calls: 2})
		require.True(t, d.TryAcquire())
		require.True(t, d.TryAcquire())
		require.False(t, d.TryAcquire())
		replies := d.ask(t.Context(), "a", "b")
		later(time.Hour)
		require.Empty(t, d.batches)
		d.Release()
		later(time.Second)
		require.False(t, d.TryAcquire(), "the batch has the slot")
		later(time.Minute)
		require.True(t, d.TryAcquire())
		d.Release()
		d.Release()
		require.Equal(t, []string{"a b"}, d.batches)
		require.Equal(t, "B", replies[1].answer)
	})
}

// TestNothingRemains checks that a queue that is idle has no goroutine. A bubble fails if
// a goroutine is left when its test has ended.
func TestNothingRemains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(batch.Config{Calls: 3, Size: 2})
		d.ask(t.Context(), "a", "b", "c", "d", "e", "panic", "exit", "f")
		later(time.Hour)
		stacks := make([]byte, 1<<20)
		require.NotContains(t, string(stacks[:runtime.Stack(stacks, true)]), "store/batch.(*")
	})
}
