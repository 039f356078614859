package redis

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store/batch"
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
// it connects, and while it has no place for the command. The exception is an own call
// (see decide).
type queue struct {
	*batch.Queue[question, string]
	own atomic.Int32 // own calls in flight
}

// question is a request, with the deadline of its caller.
type question struct {
	request
	deadline time.Time // zero: none
}

// item is a question in a batch, with the script's reply.
type item = batch.Item[question, string]

// newQueue returns a queue of decisions, of which a call carries size at most.
func newQueue(l *link, s *scripts, calls, size int) *batch.Queue[question, string] {
	send := func(_ context.Context, items []*item) {
		c := takeSender(l, s)
		c.call(items)
		c.giveBack()
	}
	meters := func(q *question) int { return q.meters() }
	return batch.NewQueue(send, meters, batch.Config{Calls: calls, Size: size, Weight: batchMeters})
}

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
	if hurried && l.warm.Load() && q.tryOwn() {
		defer q.endOwn()
		return l.ownCall(ctx, s, r)
	}

	deadline, _ := ctx.Deadline()
	reply, err := q.Do(ctx, question{*r, deadline})
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

// tryOwn takes a slot for an own call. It reports whether one was free.
func (q *queue) tryOwn() bool {
	if q.own.Add(1) <= maxOwnCalls && q.TryAcquire() {
		return true
	}
	q.own.Add(-1)
	return false
}

// endOwn frees the slot of an own call.
func (q *queue) endOwn() {
	q.own.Add(-1)
	q.Release()
}
