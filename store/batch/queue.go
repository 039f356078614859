package batch

import (
	"context"
	"fmt"
	"sync"

	"github.com/ration-go/ration/store"
)

// Config configures a Queue. A field that is zero or negative has its default.
type Config struct {
	// Calls is how many batches are in flight at a time. The default is 1, which suits a
	// database with one writer.
	Calls int

	// Size is how many requests a batch has at most. The default is 128.
	Size int

	// Weight bounds the sum of the weights of a batch's requests. A request that weighs more
	// has a batch of its own. A charge weighs as much as it has meters. The default is 512.
	Weight int
}

func (c Config) withDefaults() Config {
	return Config{Calls: positive(c.Calls, 1), Size: positive(c.Size, 128), Weight: positive(c.Weight, 512)}
}

// positive returns n, or the fallback if n is not positive.
func positive(n, fallback int) int {
	if n > 0 {
		return n
	}
	return fallback
}

// A Queue gathers requests of type R, whose answers are of type A, into batches. It is
// safe for concurrent use.
//
// A batch and each successful TryAcquire take one of Config.Calls slots. While requests
// wait, at least one slot is taken, by a batch that will take the next ones or by a
// caller whose Release starts a batch.
type Queue[R, A any] struct {
	run   func(ctx context.Context, items []*Item[R, A])
	weigh func(r *R) int
	cfg   Config

	items   sync.Pool // of *Item, whose callers have received the answer
	workers sync.Pool // of *worker: those that have ended

	mu       sync.Mutex
	inFlight int  // slots that are taken
	starting bool // a worker has taken a slot, and has yet to take the first requests
	waiting  line[R, A]
}

// NewQueue returns a Queue that carries out batches by run.
//
// The function run fills in the Answer and the Err of every item. Several runs may be in
// progress at a time if Config.Calls is more than 1. When run has returned, it must not
// use ctx, the slice or an item. If run panics, each item gets a [PanicError], and the
// queue goes on.
//
// weigh returns the weight of a request. If it is nil, each request weighs 1.
func NewQueue[R, A any](run func(ctx context.Context, items []*Item[R, A]), weigh func(r *R) int, cfg Config) *Queue[R, A] {
	if weigh == nil {
		weigh = func(*R) int { return 1 }
	}
	return &Queue[R, A]{run: run, weigh: weigh, cfg: cfg.withDefaults()}
}

// Do waits until r was carried out in a batch, and returns its Answer and its Err.
//
// If ctx is done before the batch begins, the error wraps store.ErrNotTaken and
// ctx.Err(), and r is not carried out. If ctx is done later, the error is ctx.Err().
// The batch then goes on, so r must not refer to memory that the caller uses again.
func (q *Queue[R, A]) Do(ctx context.Context, r R) (A, error) {
	item, err := q.ask(ctx, &r)
	if err != nil {
		var none A
		return none, err
	}
	answer, err := item.Answer, item.Err
	q.recycle(item)
	return answer, err
}

// ask returns the item of r once it is answered. An error means that the caller gave up.
// r is a pointer because copying a large request takes a noticeable part of the queue's
// time.
func (q *Queue[R, A]) ask(ctx context.Context, r *R) (*Item[R, A], error) {
	if ctx.Err() != nil {
		return nil, notBegun(ctx)
	}
	item, _ := q.items.Get().(*Item[R, A])
	if item == nil {
		item = &Item[R, A]{done: make(chan struct{}, 1)}
	}
	item.Request = *r
	item.weight = q.weigh(&item.Request)
	q.enqueue(item)
	select {
	case <-item.done:
		return item, nil
	case <-ctx.Done():
		return item, q.giveUp(ctx, item)
	}
}

// recycle makes room for the next request. The item of a caller that gave up is never
// recycled, because its batch may still write to it.
func (q *Queue[R, A]) recycle(item *Item[R, A]) {
	var (
		noRequest R
		noAnswer  A
	)
	item.Request = noRequest
	item.Answer = noAnswer
	item.Err = nil
	item.worker = nil
	q.items.Put(item)
}

func (q *Queue[R, A]) enqueue(item *Item[R, A]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting.push(item)
	q.startBatch()
}

// giveUp ends the wait for an item. It returns nil if the answer has just come.
func (q *Queue[R, A]) giveUp(ctx context.Context, item *Item[R, A]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if item.worker == nil {
		q.waiting.giveUp(item)
		return notBegun(ctx)
	}
	select {
	case <-item.done:
		return nil
	default:
		item.worker.lose()
		return ctx.Err()
	}
}

func notBegun(ctx context.Context) error {
	return fmt.Errorf("%w: %w", store.ErrNotTaken, ctx.Err())
}

// TryAcquire takes a slot for a call that its caller makes without the queue, for example
// because waking another goroutine would take too long. It reports whether a slot was
// free. If so, the caller calls Release afterwards.
func (q *Queue[R, A]) TryAcquire() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.inFlight == q.cfg.Calls {
		return false
	}
	q.inFlight++
	return true
}

// Release frees a slot that TryAcquire took. If requests wait, a batch takes it.
func (q *Queue[R, A]) Release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inFlight--
	q.startBatch()
}

// Load returns how many slots are taken, and how many requests wait for one. If requests
// wait for most of the time, the database is as busy as Config.Calls lets it be.
func (q *Queue[R, A]) Load() (calls, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.inFlight, q.waiting.length()
}

// startBatch starts a worker if requests wait and a slot is free. It starts none if
// another worker is about to take what waits. The caller holds q.mu.
func (q *Queue[R, A]) startBatch() {
	if q.waiting.length() > 0 && q.inFlight < q.cfg.Calls && !q.starting {
		q.inFlight++
		q.starting = true
		go q.worker().start()
	}
}

// fill moves the items that have waited longest to w. It starts another worker for those
// that find no place. If none waits, it frees the slot of w and returns false.
func (q *Queue[R, A]) fill(w *worker[R, A]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.starting = false
	if q.waiting.length() == 0 {
		q.inFlight--
		return false
	}
	w.items = q.waiting.next(w.items, q.cfg.Size, q.cfg.Weight)
	for _, item := range w.items {
		item.worker = w
	}
	w.renew()
	q.startBatch()
	return true
}
