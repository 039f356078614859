package redis

import (
	"context"
	"time"
)

// callContext is the context of a call. It has nothing of the callers' contexts, because
// several callers share the call: it ends only at its deadline.
//
// A callContext is used for many calls. One of package context's for each call would cost
// a decision more than all the rest.
type callContext struct {
	context.Context // Background, for Value
	deadline        time.Time
	done            chan struct{}
	timer           *time.Timer
}

func newCallContext() *callContext {
	c := &callContext{Context: context.Background(), done: make(chan struct{})}
	c.timer = time.AfterFunc(defaultCallTime, func() { close(c.done) })
	c.timer.Stop()
	return c
}

func (c *callContext) start(deadline time.Time) {
	c.deadline = deadline
	c.timer.Reset(time.Until(deadline))
}

// stop reports whether c can be started again. It cannot after its deadline, when done is
// closed for good.
func (c *callContext) stop() bool { return c.timer.Stop() }

func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *callContext) Done() <-chan struct{} { return c.done }

func (c *callContext) Err() error {
	select {
	case <-c.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
