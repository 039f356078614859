package batch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/batch"
)

// TestGiveUp has callers give up while the first batch runs, for which "in batch" waits.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(batch.Config{})
		early, leave := context.WithCancel(t.Context())
		late, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()

		first := d.ask(t.Context(), "first")[0]
		leaves := d.ask(early, "b", "c", "d")
		stays := d.ask(t.Context(), "e")[0]
		inBatch := d.ask(late, "f", "g")
		later(30 * time.Second)
		requireLoad(t, d, 1, 6)
		leave()
		synctest.Wait()
		requireLoad(t, d, 1, 3)
		for _, r := range leaves {
			require.Equal(t, 30*time.Second, r.after)
			require.ErrorIs(t, r.err, store.ErrNotTaken)
			require.ErrorIs(t, r.err, context.Canceled)
		}
		later(time.Hour)

		require.Equal(t, []string{"first", "e f g"}, d.batches, "nothing was carried out for the callers that left")
		require.Equal(t, []error{nil, nil}, d.ended, "a batch goes on for the callers that stay")
		require.Equal(t, &reply{"FIRST", nil, time.Minute}, first)
		require.Equal(t, &reply{"E", nil, 2 * time.Minute}, stays)
		for _, r := range inBatch {
			require.Equal(t, &reply{"", context.DeadlineExceeded, 90 * time.Second}, r, "may have been carried out")
		}
		again := d.ask(t.Context(), "h")[0]
		later(time.Hour)
		require.Equal(t, &reply{"H", nil, time.Minute}, again)
		requireLoad(t, d, 0, 0)
	})
}

// TestManyLeave has callers leave while they wait, in several orders. Those that stay
// keep theirs.
func TestManyLeave(t *testing.T) {
	for leave, want := range map[string][]string{
		"":           {"first", "a b c", "d e f", "g h i", "j"},
		"a":          {"first", "b c d", "e f g", "h i j"},
		"j":          {"first", "a b c", "d e f", "g h i"},
		"bdfh":       {"first", "a c e", "g i j"},
		"hfdb":       {"first", "a c e", "g i j"},
		"abcdefgh":   {"first", "i j"},
		"jihgfedc":   {"first", "a b"},
		"cdefghi":    {"first", "a b j"},
		"jaibhcgdf":  {"first", "e"},
		"abcdefghij": {"first"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(batch.Config{Size: 3})
			d.ask(t.Context(), strings.Split("memory to reuse for the items of the other callers", " ")...)
			later(time.Hour)
			d.batches = nil
			d.ask(t.Context(), "first")
			cancels := map[string]context.CancelFunc{}
			replies := map[string]*reply{}
			for _, word := range strings.Split("abcdefghij", "") {
				ctx, cancel := context.WithCancel(t.Context())
				cancels[word] = cancel
				replies[word] = d.ask(ctx, word)[0]
			}
			for i, word := range strings.Split(leave, "") {
				if word == "" {
					break
				}
				cancels[word]()
				synctest.Wait()
				requireLoad(t, d, 1, 9-i)
			}
			later(time.Hour)

			require.Equal(t, want, d.batches)
			for word, r := range replies {
				if strings.Contains(leave, word) {
					require.ErrorIs(t, r.err, store.ErrNotTaken)
				} else {
					require.NoError(t, r.err)
					require.Equal(t, strings.ToUpper(word), r.answer)
				}
				cancels[word]()
			}
			requireLoad(t, d, 0, 0)
		})
	}
}

// TestAllGiveUp has all callers of a batch give up. The batch's ctx ends, and that of the
// next batch does not.
func TestAllGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(batch.Config{})
		d.ask(t.Context(), "first")
		brief, cancel := context.WithTimeout(t.Context(), 70*time.Second)
		defer cancel()
		briefer, cancel := context.WithTimeout(t.Context(), 65*time.Second)
		defer cancel()
		gone := append(d.ask(brief, "b"), d.ask(briefer, "c")...)
		later(67 * time.Second)
		stays := d.ask(t.Context(), "d")[0]
		later(time.Hour)
		require.Equal(t, []string{"first", "b c", "d"}, d.batches)
		require.Equal(t, []error{nil, context.Canceled, nil}, d.ended)
		require.Equal(t, 70*time.Second, gone[0].after)
		require.Equal(t, 65*time.Second, gone[1].after)
		require.Equal(t, &reply{"D", nil, time.Minute + 3*time.Second}, stays)
	})
}

// TestDone checks that a caller whose ctx is done asks nothing.
func TestDone(t *testing.T) {
	q := batch.NewQueue(func(context.Context, []*batch.Item[string, string]) {
		t.Error("a batch began")
	}, func(*string) int {
		t.Error("a request was prepared")
		return 1
	}, batch.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := q.Do(ctx, "a")
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.ErrorIs(t, err, context.Canceled)
}

// TestManyCallers has callers ask at random and give up at random, on real processors.
// Every request is carried out at most once, and each caller gets its own answer.
func TestManyCallers(t *testing.T) {
	for _, cfg := range []batch.Config{{}, {Calls: 3, Size: 4}, {Calls: 8, Size: 1}, {Weight: 7}} {
		var mu sync.Mutex
		done := map[string]int{}
		q := batch.NewQueue(func(_ context.Context, items []*batch.Item[string, string]) {
			runtime.Gosched()
			mu.Lock()
			defer mu.Unlock()
			for _, item := range items {
				done[item.Request]++
				item.Answer = strings.ToUpper(item.Request)
			}
		}, func(word *string) int { return len(*word) % 5 }, cfg)

		var wg sync.WaitGroup
		outcomes := make([]map[string]error, 32)
		for caller := range outcomes {
			outcomes[caller] = map[string]error{}
			wg.Go(func() {
				for i := range 300 {
					ctx, cancel := context.WithCancel(t.Context())
					if (caller+i)%3 == 0 {
						go cancel()
					}
					word := fmt.Sprint("request-", caller, "-", i)
					answer, err := q.Do(ctx, word)
					cancel()
					if err == nil {
						assert.Equal(t, strings.ToUpper(word), answer)
					}
					outcomes[caller][word] = err
				}
			})
		}
		wg.Wait()

		mu.Lock()
		for _, of := range outcomes {
			for word, err := range of {
				switch {
				case err == nil:
					require.Equal(t, 1, done[word], word)
				case errors.Is(err, store.ErrNotTaken):
					require.Zero(t, done[word], word)
				default:
					require.ErrorIs(t, err, context.Canceled)
					require.LessOrEqual(t, done[word], 1, word)
				}
			}
		}
		mu.Unlock()
	}
}
