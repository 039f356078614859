package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store"
)

// Fault is what goes wrong with one Take, to see what its caller makes of it. The zero
// Fault of a Take does nothing.
type Fault struct {
	// Take says which, counting from 1; zero: every one that no other Fault is for.
	Take int64

	// Delay holds it up so long, or until its ctx is done.
	Delay time.Duration

	// Err is what it returns; nil: what the counter does, unless ctx was done within Delay.
	Err error

	// After lets the charge happen first, as when a reply is lost: the error then says
	// nothing of store.ErrNotTaken. Otherwise delay and failure come before the charge,
	// which does not happen if there is an error, and it says so.
	After bool
}

// Faulty is c with these faults. Of several for one Take the first counts.
func Faulty(c store.Counter, faults ...Fault) *FaultyCounter {
	return &FaultyCounter{counter: c, faults: faults}
}

// FaultyCounter is a Counter that fails or tarries as it was told. Safe for concurrent
// use if what it wraps is.
type FaultyCounter struct {
	counter store.Counter
	faults  []Fault
	takes   atomic.Int64
}

// Takes is how many there have been, failed ones included. A Peek is one.
func (f *FaultyCounter) Takes() int64 { return f.takes.Load() }

// Take implements store.Counter.
func (f *FaultyCounter) Take(ctx context.Context, c *store.Charge) error {
	return f.with(ctx, func() error { return f.counter.Take(ctx, c) })
}

// Peek implements store.Peeker.
func (f *FaultyCounter) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level) error {
	return f.with(ctx, func() error { return store.Peek(ctx, f.counter, at, subjects, meters, levels) })
}

// with calls do as the fault that is due would have it.
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
	for i := len(f.faults) - 1; i >= 0; i-- { // from the last, so that the first stays
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
