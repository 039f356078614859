package redis

import (
	"context"
	"time"

	"github.com/ration-go/ration/store/batch"
)

// commandQueue limits how many calls are in flight that are no decisions. Each is a batch
// of its own.
type commandQueue struct {
	queue *batch.Queue[command, struct{}]
}

// command is a call, with the deadline of its caller.
type command struct {
	call     func(ctx context.Context)
	deadline time.Time // zero: none
}

func newCommandQueue(calls int) commandQueue {
	return commandQueue{batch.NewQueue(runCommands, nil, batch.Config{Calls: calls, Size: 1})}
}

// runCommands makes each call with a context of its own. The client may keep the context
// after an error, and a command does not tell how it ended.
func runCommands(_ context.Context, items []*batch.Item[command, struct{}]) {
	for _, item := range items {
		ctx := newCallContext()
		ctx.start(callDeadline(item.Request.deadline, time.Now()))
		item.Request.call(ctx)
		ctx.stop()
	}
}

// do makes a call. After an error the call may still be in flight: the caller must not
// read what it writes.
func (q commandQueue) do(ctx context.Context, call func(ctx context.Context)) error {
	deadline, _ := ctx.Deadline()
	_, err := q.queue.Do(ctx, command{call, deadline})
	return err
}
