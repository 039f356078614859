package redis

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// How many calls are in flight at a time, and how many decisions one call carries at
// most.
const (
	// Two calls keep both sides busy where decisions are batched. While the server works at
	// one call, the replies of the other are delivered and its successor is written.
	batchCalls = 2
	batchSize  = 128

	// A call carries at most batchMeters meters, unless a single request has more. A call of
	// 128 requests with 64 meters each would keep the server busy for milliseconds.
	batchMeters = 512

	// Where each decision is a command, the server can use many calls. There are fewer of
	// them than the 1,024 places that the client has on a connection: a caller that finds no
	// place there waits for as long as the connection lasts. A pipeline is one call.
	singleCalls  = 512
	pipelineSize = 64
	commandCalls = 64

	// In a Cluster each partition of the slots has a queue of its own. A silent node then
	// keeps few callers of the other nodes waiting.
	partitions = 16
)

// queue limits how many calls to the server are in flight. It makes each call on a
// goroutine of its own, because the client may keep its caller past the end of ctx: while
// it connects, and while it has no place for the command. The goroutine ends when no
// caller waits. The exception is an own call (see decide).
//
// There is no timer. A request that finds a call slot free starts at once. A request that
// finds none waits, and shares the next call with all others that wait.
//
//	                  fill                    deliver
//	enqueue --> waiting ------> in the batch ---------> answered
//	               |                 |
//	        ctx is done       ctx is done
//	               |                 |
//	               v                 v
//	    store.ErrNotTaken,    ctx.Err(): the call goes on
//	    nothing was sent      and the charge may happen
//
// startBatch and tryAcquire take a slot. It becomes free when fill finds no waiter, or by
// release. The invariant: while callers wait, at least one slot is taken, by a batch that
// will fill again or by an own call whose release starts a batch.
type queue struct {
	maxCalls, maxBatch int

	mu       sync.Mutex
	inFlight int  // slots that are taken
	own      int  // of inFlight: the slots of own calls
	starting bool // a batch has taken a slot, and has yet to fill
	waiting  []*waiter
}

// waiter is a request or a command whose caller waits for the result.
type waiter struct {
	request
	command  func(ctx context.Context) // if not nil, it makes a call instead of the request
	deadline time.Time                 // zero: none
	inBatch  bool                      // guarded by the queue's mu
	done     chan struct{}             // has room for one
	reply    string
	err      error
}

// waiterPool holds waiters whose reply was received. A waiter whose caller gave up is
// never put back, because its batch may still write to it.
var waiterPool = sync.Pool{New: func() any { return &waiter{done: make(chan struct{}, 1)} }}

// decide returns the script's reply to r. If the caller gives up, the batch goes on for
// the others.
//
// A caller with little time makes the call on its own goroutine, if a slot and a
// connection are free. To wake another goroutine, and with it a processor that the server
// may need, takes a third of such a decision. For the reason why an own call does not
// outlast the deadline, see ownCall. A cancelled ctx shows when the server has answered,
// or at the deadline.
func (q *queue) decide(ctx context.Context, l *link, s *scripts, r *request) (string, error) {
	hurried := l.ownCalls && endsSoon(ctx)
	if hurried && l.warm.Load() && q.tryAcquire() {
		defer q.release(l, s)
		return l.ownCall(ctx, s, r)
	}

	w := waiterPool.Get().(*waiter)
	w.request = *r
	w.inBatch = false
	if err := q.wait(ctx, l, s, w); err != nil {
		return "", err
	}
	reply, err := w.reply, w.err
	w.request, w.reply, w.err = request{}, "", nil
	waiterPool.Put(w)

	if hurried && err == nil {
		l.warmUp()
	}
	return reply, err
}

// endsSoon reports whether the deadline of ctx is so near that its caller makes an own
// call.
func endsSoon(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= nearDeadline
}

// tryAcquire takes a slot for an own call. It reports whether one was free.
func (q *queue) tryAcquire() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.inFlight == q.maxCalls || q.own == maxOwnCalls {
		return false
	}
	q.inFlight++
	q.own++
	return true
}

// release frees the slot of an own call. If callers wait, a batch takes it.
func (q *queue) release(l *link, s *scripts) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.own--
	q.inFlight--
	q.startBatch(l, s)
}

// startBatch starts a batch if callers wait and a slot is free. It starts none if another
// batch is about to take what waits. The caller holds q.mu.
func (q *queue) startBatch(l *link, s *scripts) {
	if len(q.waiting) > 0 && q.inFlight < q.maxCalls && !q.starting {
		q.inFlight++
		q.starting = true
		go newBatch(q, l, s).start()
	}
}

// do makes a call by command. After an error the call may still be in flight: the caller
// must not read what command writes.
func (q *queue) do(ctx context.Context, l *link, command func(ctx context.Context)) error {
	return q.wait(ctx, l, nil, &waiter{command: command, done: make(chan struct{}, 1)})
}

// wait enqueues w and returns when w is answered or ctx is done.
func (q *queue) wait(ctx context.Context, l *link, s *scripts, w *waiter) error {
	w.deadline, _ = ctx.Deadline()
	q.enqueue(l, s, w)
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return q.giveUp(ctx, w)
	}
}

func (q *queue) enqueue(l *link, s *scripts, w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
	q.startBatch(l, s)
}

// giveUp ends the wait of w, whose ctx is done. It returns nil if the reply has just
// come. The error wraps store.ErrNotTaken if w is in no batch yet: then nothing was sent.
func (q *queue) giveUp(ctx context.Context, w *waiter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.inBatch {
		select {
		case <-w.done:
			return nil
		default:
			return ctx.Err()
		}
	}
	i := slices.Index(q.waiting, w)
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return fmt.Errorf("%w: %w", store.ErrNotTaken, ctx.Err())
}

// fill moves the waiters that have waited longest to b. It starts another batch for those
// that find no place. If none waits, it frees the slot of b and returns false.
func (q *queue) fill(b *batch) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.starting = false
	if len(q.waiting) == 0 {
		q.inFlight--
		return false
	}
	n := q.nextBatch()
	b.waiters = append(b.waiters, q.waiting[:n]...)
	for _, w := range b.waiters {
		w.inBatch = true
	}
	q.waiting = slices.Delete(q.waiting, 0, n)
	q.startBatch(b.link, b.scripts)
	return true
}

// nextBatch returns how many waiters, of at least one, the next call carries.
func (q *queue) nextBatch() (n int) {
	meters := 0
	for n < len(q.waiting) && n < q.maxBatch {
		meters += q.waiting[n].meters()
		if n > 0 && meters > batchMeters {
			break
		}
		n++
	}
	return n
}
