package redis

import (
	"runtime"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// batch makes one call for all of its waiters, and the next call with the next waiters,
// for as long as any wait.
type batch struct {
	start func() // run, as a value that is made once: "go b.run()" would allocate

	queue   *queue
	link    *link
	scripts *scripts
	ctx     *callContext

	waiters  []*waiter
	payload  payload
	commands []rueidis.Completed // of pipeline
}

// batchPool holds batches that have ended, so that their buffers are used again.
var batchPool = sync.Pool{New: func() any { return &batch{ctx: newCallContext()} }}

// newBatch returns a batch that is ready to start.
func newBatch(q *queue, l *link, s *scripts) *batch {
	b := batchPool.Get().(*batch)
	b.queue, b.link, b.scripts = q, l, s
	if b.start == nil {
		b.start = b.run
	}
	return b
}

// run makes calls until no caller waits.
//
// It yields first. The replies of an earlier call have made many callers ready to run.
// These callers then ask before the first call is made, and share it.
func (b *batch) run() {
	if b.queue.maxBatch > 1 {
		runtime.Gosched()
	}
	for b.queue.fill(b) {
		b.call()
		b.deliver()
	}
	b.queue, b.link, b.scripts = nil, nil, nil
	batchPool.Put(b)
}

// call asks the server, for one waiter or for many.
func (b *batch) call() {
	b.ctx.start(b.deadline(time.Now()))
	var err error
	first := b.waiters[0]
	switch {
	case first.command != nil: // a queue of commands has batches of one
		first.command(b.ctx)
	case len(b.waiters) == 1:
		first.reply, err = b.link.single(b.ctx, b.scripts, &first.request)
		first.err = err
	case b.link.together:
		err = b.gather()
	default:
		err = b.pipeline()
	}
	// The client keeps no context after a reply. After an error it may. A command does not
	// tell how it ended.
	if !b.ctx.stop() || err != nil || first.command != nil {
		b.ctx = newCallContext()
	}
}

// gather makes one call of the script for all waiters. It returns an error if no reply
// came.
func (b *batch) gather() error {
	b.payload.reset()
	for _, w := range b.waiters {
		b.payload.add(&w.request)
	}
	keys, args := b.payload.call()
	all, err := b.link.run(b.ctx, &b.scripts.many, keys, args).ToString()
	if err == nil {
		b.share(all)
		return nil
	}
	for _, w := range b.waiters {
		w.err = err
	}
	return err
}

// share cuts the reply to a call of all waiters into theirs.
func (b *batch) share(all string) {
	for _, w := range b.waiters {
		w.reply, all, w.err = cutReply(&w.request, all)
	}
}

const (
	// A call is not given up before minCallTime has passed, even if all its callers have
	// left. A connection that is being made, or that serves one call at a time, would be
	// given up with it, and with the connection the calls of others.
	minCallTime = time.Second

	// A call is given up after defaultCallTime if one of its callers has no deadline.
	defaultCallTime = 10 * time.Second
)

// deadline returns the latest deadline of the waiters.
func (b *batch) deadline(now time.Time) time.Time {
	last := now.Add(minCallTime)
	for _, w := range b.waiters {
		d := w.deadline
		if d.IsZero() {
			d = now.Add(defaultCallTime)
		}
		if d.After(last) {
			last = d
		}
	}
	return last
}

// deliver wakes each waiter, and empties b.
func (b *batch) deliver() {
	for _, w := range b.waiters {
		w.done <- struct{}{} // from here on w is its caller's
	}
	clear(b.waiters)
	b.waiters = b.waiters[:0]
}
