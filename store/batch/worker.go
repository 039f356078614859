package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// A worker carries out batches on a goroutine of its own, one after the other, for as
// long as requests wait.
type worker[R, A any] struct {
	queue *Queue[R, A]
	start func() // loop, as a value that is made once: "go w.loop()" would allocate
	items []*Item[R, A]

	// ctx serves many batches, because few are given up by all callers. To make one for each
	// batch would allocate.
	ctx    context.Context
	cancel context.CancelFunc
	left   int // how many callers of the batch have not given up; guarded by the queue's mu
}

// worker returns a worker that is ready to start.
func (q *Queue[R, A]) worker() *worker[R, A] {
	if w, _ := q.workers.Get().(*worker[R, A]); w != nil {
		return w
	}
	w := &worker[R, A]{queue: q}
	w.start = w.loop
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// renew gets w ready for a batch. The caller holds the queue's mu.
func (w *worker[R, A]) renew() {
	w.left = len(w.items)
	if w.ctx.Err() != nil {
		w.ctx, w.cancel = context.WithCancel(context.Background())
	}
}

// lose notes that a caller of the batch has given up. The caller holds the queue's mu.
func (w *worker[R, A]) lose() {
	w.left--
	if w.left == 0 {
		w.cancel()
	}
}

// loop carries out batches until no request waits.
//
// It yields first. The answers of an earlier batch have made many callers ready to run.
// These callers then ask before the first batch is taken, and share it.
//
// If only one batch is in flight at a time, loop yields before every batch for the same
// reason. Otherwise callers split into two halves that take turns. With 32 callers of a
// SQLite file, batches of 15 charges become batches of 23.
func (w *worker[R, A]) loop() {
	for first := true; ; first = false {
		if w.queue.cfg.Size > 1 && (first || w.queue.cfg.Calls == 1) {
			runtime.Gosched()
		}
		if !w.queue.fill(w) {
			break
		}
		w.run()
		w.deliver()
	}
	w.queue.workers.Put(w)
}

// run carries out one batch. If the queue's run panics, all items fail. If it ends the
// goroutine, as a failed test does, another worker goes on.
func (w *worker[R, A]) run() {
	returned := false
	defer func() {
		if returned {
			return
		}
		if value := recover(); value != nil {
			w.fail(&PanicError{Value: value, Stack: debug.Stack()})
			return
		}
		w.fail(errExit)
		w.deliver()
		w.queue.Release()
	}()
	w.queue.run(w.ctx, w.items)
	returned = true
}

var errExit = errors.New("store/batch: the goroutine of the batch was ended by runtime.Goexit")

func (w *worker[R, A]) fail(err error) {
	for _, item := range w.items {
		item.Err = err
	}
}

// deliver wakes each caller, and empties w.
func (w *worker[R, A]) deliver() {
	for _, item := range w.items {
		item.done <- struct{}{} // from here on the item is its caller's
	}
	clear(w.items)
	w.items = w.items[:0]
}

// A PanicError is the error of each request of a batch that panicked. The requests may
// have been carried out.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // of the goroutine that panicked
}

// Error returns the value and the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("store/batch: panic: %v\n\n%s", e.Value, e.Stack)
}
