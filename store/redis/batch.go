package redis

import (
	"sync"
	"time"
)

// batch makes one call for all of its waiters, and the next call with the next waiters,
// for as long as any wait.
type batch struct {
	start func() // run, as a value that is made once: "go b.run()" would allocate

	queue   *queue
	link    *link
	scripts *scripts
	ctx     *callContext

	waiters []*waiter
	payload payload
	reply   string
	err     error
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
func (b *batch) run() {
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
	first := b.waiters[0]
	switch {
	case first.command != nil: // a queue of commands has batches of one
		first.command(b.ctx)
	case len(b.waiters) == 1:
		b.reply, b.err = b.link.single(b.ctx, b.scripts, &first.request)
	default:
		b.payload.reset()
		for _, w := range b.waiters {
			b.payload.add(&w.request)
		}
		keys, args := b.payload.call()
		b.reply, b.err = b.link.run(b.ctx, &b.scripts.many, keys, args).ToString()
	}
	// The client keeps no context after a reply. After an error it may. A command does not
	// tell how it ended.
	if !b.ctx.stop() || b.err != nil || first.command != nil {
		b.ctx = newCallContext()
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

// deliver gives each waiter its reply, and empties b.
func (b *batch) deliver() {
	alone := len(b.waiters) == 1
	for _, w := range b.waiters {
		if alone {
			w.reply, w.err = b.reply, b.err
		} else {
			w.reply, w.err = b.nextReply(&w.request)
		}
		w.done <- struct{}{} // from here on w is its caller's
	}
	clear(b.waiters)
	b.waiters, b.reply, b.err = b.waiters[:0], "", nil
}

// nextReply cuts the reply to r off the front of b.reply.
func (b *batch) nextReply(r *request) (reply string, err error) {
	if b.err != nil {
		return "", b.err
	}
	reply, b.reply, err = cutReply(r, b.reply)
	return reply, err
}
