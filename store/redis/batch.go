package redis

import (
	"errors"
	"slices"
	"strings"
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

	waiters    []*waiter
	heads      []string // each distinct head once
	keys, args []string
	records    strings.Builder
	reply      string
	err        error
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
		b.reply, b.err = b.link.one(b.ctx, b.scripts, &first.request)
	default:
		b.write()
		b.reply, b.err = b.link.run(b.ctx, &b.scripts.many, b.keys, b.args).ToString()
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

// write makes the keys and args of many.lua. A head is sent once, however many of the
// requests have it: the keys of one plan have the same head.
func (b *batch) write() {
	b.keys = b.keys[:0]
	b.heads = b.heads[:0]
	b.args = append(b.args[:0], "") // for the records
	b.records.Reset()

	var prefix [4]byte
	for _, w := range b.waiters {
		head := slices.Index(b.heads, w.headArg())
		if head < 0 {
			head = len(b.heads)
			b.heads = append(b.heads, w.headArg())
			b.args = append(b.args, w.headArg(), w.length())
		}
		b.keys = append(b.keys, w.value())
		b.records.Write(appendIndex(appendIndex(prefix[:0], head), len(w.figures())))
		b.records.WriteString(w.figures())
	}
	b.args[0] = b.records.String()
}

// deliver gives each waiter its reply, and empties b.
func (b *batch) deliver() {
	alone := len(b.waiters) == 1
	for _, w := range b.waiters {
		if alone {
			w.reply, w.err = b.reply, b.err
		} else {
			w.reply, w.err = b.nextReply(w)
		}
		w.done <- struct{}{} // from here on w is its caller's
	}
	clear(b.waiters)
	b.waiters, b.reply, b.err = b.waiters[:0], "", nil
}

var errShort = errors.New("reply of many decisions: too short")

// nextReply cuts the reply of w off the front of b.reply. A reply is a tail (see
// layout.go), or the byte faulty, the length of an error as a number, and the error.
func (b *batch) nextReply(w *waiter) (string, error) {
	if b.err != nil {
		return "", b.err
	}
	if len(b.reply) < tailLen {
		return "", errShort
	}
	n := tailLen + w.meters*stateLen
	if b.reply[0] == faulty {
		n = tailLen + int(number(b.reply[1:]))
	}
	if n < tailLen || n > len(b.reply) {
		return "", errShort
	}
	reply := b.reply[:n]
	b.reply = b.reply[n:]
	if reply[0] == faulty {
		return "", scriptError(reply[tailLen:])
	}
	return reply, nil
}
