package alert

import (
	"context"
	"fmt"
	"time"
)

// Run delivers Events until ctx is done. Then it delivers what is queued, for
// Config.Drain at most, and returns the error of ctx. The error says how many Events were
// left. The context of a delivery is done only when the Drain is over.
//
// Run calls the function for one Event at a time. A service that wants several deliveries
// at once calls Run several times. The function should return within seconds: while it
// does not, the queue fills, and Events are late.
func (a *Observer) Run(ctx context.Context) error {
	a.running.Add(1)
	a.saidIdle.Store(false)
	defer a.stop()
	within, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(max(0, a.cfg.Drain), cancel) })()

	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case e := <-a.queue:
			a.deliver(within, e)
		}
	}
	for a.cfg.Drain > 0 && within.Err() == nil {
		select {
		case e := <-a.queue:
			a.deliver(within, e)
		default:
			return fmt.Errorf("alert: run: %w", ctx.Err())
		}
	}
	return fmt.Errorf("alert: run: %d events are not delivered: %w", len(a.queue), ctx.Err())
}

// stop notes that a Run has ended.
func (a *Observer) stop() {
	a.idleSince.Store(new(time.Now()))
	a.running.Add(-1)
}

func (a *Observer) deliver(ctx context.Context, e Event) {
	a.notify(ctx, e)
	a.delivered.Add(1)
	if len(a.queue) == 0 {
		a.saidFull.Store(false)
	}
}

// Stats says what an Observer has done since it was made.
type Stats struct {
	// Fired is how many Events were queued. Delivered is for how many of them the function
	// has returned, and Queued is how many wait.
	Fired, Delivered int64
	Queued           int

	// Dropped is how often the queue was full. The thresholds stay open, and later decisions
	// fire them.
	Dropped int64

	// Windows is how many windows are remembered. Untracked is how often a decision found no
	// room for another one: see Config.MaxWindows.
	Windows   int
	Untracked int64

	// Running reports whether a Run is running. Idle is how often Events were queued
	// although none had been running for 10s. It is above 0 only by a mistake in the set-up.
	Running bool
	Idle    int64
}

// Stats returns what a has done. It takes each lock of the windows for a moment.
func (a *Observer) Stats() Stats {
	return Stats{
		Fired: a.fired.Load(), Delivered: a.delivered.Load(), Queued: len(a.queue),
		Dropped: a.dropped.Load(),
		Windows: a.windows.len(), Untracked: a.untracked.Load(),
		Running: a.running.Load() > 0, Idle: a.idle.Load(),
	}
}
