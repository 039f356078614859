package redis

import (
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// sender makes the call for a batch of decisions. It keeps its buffers for later calls.
type sender struct {
	link    *link
	scripts *scripts
	ctx     *callContext

	payload  payload
	commands []rueidis.Completed // of pipeline
}

// senderPool holds senders that have made their call.
var senderPool = sync.Pool{New: func() any { return &sender{ctx: newCallContext()} }}

// takeSender returns a sender. The caller gives it back after the call.
func takeSender(l *link, s *scripts) *sender {
	c := senderPool.Get().(*sender)
	c.link, c.scripts = l, s
	return c
}

func (c *sender) giveBack() {
	c.link, c.scripts = nil, nil
	senderPool.Put(c)
}

// call asks the server, for one item or for many.
func (c *sender) call(items []*item) {
	c.ctx.start(latestDeadline(items, time.Now()))
	var err error
	switch first := items[0]; {
	case len(items) == 1:
		first.Answer, err = c.link.single(c.ctx, c.scripts, &first.Request.request)
		first.Err = err
	case c.link.together:
		err = c.gather(items)
	default:
		err = c.pipeline(items)
	}
	// The client keeps no context after a reply. After an error it may.
	if !c.ctx.stop() || err != nil {
		c.ctx = newCallContext()
	}
}

// gather makes one call of the script for all items. It returns an error if no reply
// came.
func (c *sender) gather(items []*item) error {
	c.payload.reset()
	for _, item := range items {
		c.payload.add(&item.Request.request)
	}
	keys, args := c.payload.call()
	all, err := c.link.run(c.ctx, &c.scripts.many, keys, args).ToString()
	if err == nil {
		share(items, all)
		return nil
	}
	for _, item := range items {
		item.Err = err
	}
	return err
}

// share cuts the reply to a call of all items into theirs.
func share(items []*item, all string) {
	for _, item := range items {
		item.Answer, all, item.Err = cutReply(&item.Request.request, all)
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

// callDeadline returns when a call ends, of which the caller has the deadline d, or none
// if d is zero.
func callDeadline(d, now time.Time) time.Time {
	if d.IsZero() {
		return now.Add(defaultCallTime)
	}
	if least := now.Add(minCallTime); d.Before(least) {
		return least
	}
	return d
}

// latestDeadline returns when a call for all items ends.
func latestDeadline(items []*item, now time.Time) (last time.Time) {
	for _, item := range items {
		if d := callDeadline(item.Request.deadline, now); d.After(last) {
			last = d
		}
	}
	return last
}
