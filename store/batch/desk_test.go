package batch_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/batch"
)

// A desk answers requests, which are words, in upper case. A batch takes a minute of the
// bubble's time, or until its ctx is done.
type desk struct {
	*batch.Queue[string, string]
	mu      sync.Mutex
	batches []string // each with its words
	ended   []error  // the error of each batch's ctx
}

func newDesk(cfg batch.Config) *desk {
	d := &desk{}
	weigh := func(word *string) int { return len(*word) }
	d.Queue = batch.NewQueue(d.serve, weigh, cfg)
	return d
}

func (d *desk) serve(ctx context.Context, items []*batch.Item[string, string]) {
	var words []string
	for _, item := range items {
		words = append(words, item.Request)
	}
	d.mu.Lock()
	d.batches = append(d.batches, strings.Join(words, " "))
	d.mu.Unlock()
	select {
	case <-time.After(time.Minute):
	case <-ctx.Done():
	}
	for _, item := range items {
		switch item.Request {
		case "panic":
			panic("a mistake")
		case "exit":
			runtime.Goexit()
		case "fail":
			item.Err = errors.New("failed")
		}
		item.Answer = strings.ToUpper(item.Request)
	}
	d.mu.Lock()
	d.ended = append(d.ended, ctx.Err())
	d.mu.Unlock()
}

// reply is what a caller got, and when.
type reply struct {
	answer string
	err    error
	after  time.Duration
}

// ask starts a caller for each word, in their order. The replies are there when the
// function has returned nil for all.
func (d *desk) ask(ctx context.Context, words ...string) []*reply {
	began := time.Now()
	var replies []*reply
	for _, word := range words {
		r := &reply{after: -1}
		replies = append(replies, r)
		go func() {
			r.answer, r.err = d.Do(ctx, word)
			r.after = time.Since(began)
		}()
		synctest.Wait()
	}
	return replies
}

// later lets time pass, and then waits until all goroutines of the bubble are blocked.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func requireLoad(t *testing.T, d *desk, wantCalls, wantWaiting int) {
	t.Helper()
	calls, waiting := d.Load()
	require.Equal(t, wantCalls, calls)
	require.Equal(t, wantWaiting, waiting)
}
