package redis

import (
	"context"
	"time"
)

// term is the context of a call, which is not its callers': it ends at a deadline alone.
// It is used again and again, since one of context's costs a decision more than all the
// rest.
type term struct {
	context.Context
	deadline time.Time
	over     chan struct{}
	timer    *time.Timer
}

func newTerm() *term {
	t := &term{Context: context.Background(), over: make(chan struct{})}
	t.timer = time.AfterFunc(long, func() { close(t.over) })
	t.timer.Stop()
	return t
}

func (t *term) begin(deadline time.Time) {
	t.deadline = deadline
	t.timer.Reset(time.Until(deadline))
}

// end says whether t can begin again.
func (t *term) end() bool { return t.timer.Stop() }

func (t *term) Deadline() (time.Time, bool) { return t.deadline, true }

func (t *term) Done() <-chan struct{} { return t.over }

func (t *term) Err() error {
	select {
	case <-t.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
