package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store"
)

// Fault describes what goes wrong with one Take, to test how the caller handles it. A
// Fault with only a Take does nothing.
type Fault struct {
	// Take is the number of the call, counting from 1. Zero means every call that no other
	// Fault names.
	Take int64

	// Delay is how long the call is held up, or until its ctx is done.
	Delay time.Duration

	// Err is the error that the call returns. If nil, the call returns what the counter
	// returns, or ctx's error if ctx was done within Delay.
	Err error

	// After makes the charge happen before the delay and the failure, as when a reply is
	// lost. The error then does not wrap store.ErrNotTaken. Otherwise the delay and the
	// failure come first. If there is an error, the charge does not happen, and the error
	// wraps store.ErrNotTaken.
	After bool
}

// Faulty returns c with these faults. If several faults name the same Take, the first one
// counts.
func Faulty(c store.Counter, faults ...Fault) *FaultyCounter {
	return &FaultyCounter{counter: c, faults: faults}
}

// FaultyCounter is a Counter that fails or is slow as configured. It is safe for
// concurrent use if the wrapped Counter is.
type FaultyCounter struct {
	counter store.Counter
	faults  []Fault
	takes   atomic.Int64
}

// Takes returns the number of calls, including failed ones. A Peek counts as one.
func (f *FaultyCounter) Takes() int64 { return f.takes.Load() }

// Take implements store.Counter.
func (f *FaultyCounter) Take(ctx context.Context, c *store.Charge) error {
	return f.with(ctx, func() error { return f.counter.Take(ctx, c) })
}

// Peek implements store.Peeker.
func (f *FaultyCounter) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	return f.with(ctx, func() error { return store.Peek(ctx, f.counter, at, subjects, meters, levels, last) })
}

// with calls do according to the fault that is due.
func (f *FaultyCounter) with(ctx context.Context, do func() error) error {
	fault := f.due(f.takes.Add(1))
	if fault.After {
		if err := do(); err != nil {
			return err
		}
		return fault.strike(ctx)
	}
	if err := fault.strike(ctx); err != nil {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, err)
	}
	return do()
}

func (f *FaultyCounter) due(take int64) (every Fault) {
	for i := len(f.faults) - 1; i >= 0; i-- { // from the last, so that the first one stays
		switch f.faults[i].Take {
		case take:
			every = f.faults[i]
		case 0:
			if every.Take == 0 {
				every = f.faults[i]
			}
		}
	}
	return every
}

// strike waits and fails.
func (f *Fault) strike(ctx context.Context) error {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f.Err
}
