package gate

import (
	"context"
	"time"

	"github.com/ration-go/ration/usageplan"
)

// An Observer is told what a Gate does. It feeds metrics, logs and events.
//
// Both methods run on the caller's goroutine, so they must return quickly. They must be
// safe for concurrent use. They may keep the Outcome, but cannot settle it.
type Observer interface {
	// Decided is called after each Admit and each Peek.
	Decided(ctx context.Context, d Decided)

	// Corrected is called after each Settle and each Refund that had something to correct.
	Corrected(ctx context.Context, c Corrected)
}

// A Decided tells an Observer of one Admit or Peek.
type Decided struct {
	// Request is the request with its time. Its Secret prints as a hint only.
	Request Request

	// Outcome and Err are what Admit or Peek returns. Outcome.Peeked tells the two apart: a
	// Peek charges nothing, and admits and refuses no request. If Outcome.More is set, the
	// decision is about further costs of a request, which is counted already.
	Outcome Outcome
	Err     error

	// Timed reports that the decision was timed. Then Took is how long the whole decision
	// took, and CounterTook is the Counter's part of that. Otherwise both are zero.
	//
	// Decisions that wait for no store are timed one in 64, since reading the clock takes a
	// good part of such a decision. These are the decisions by a Counter that is store.Local
	// or by leases in this process. All others are timed always.
	Timed       bool
	Took        time.Duration
	CounterTook time.Duration

	// Cached reports that the decision needed no look-up: the key and its plans, or its
	// refusal, were in memory.
	Cached bool

	// KeyAge is for how long past Config.MaxAge the key had not been read again. It is zero
	// normally. In an outage of the stores of keys and plans it says how stale the key is.
	KeyAge time.Duration
}

// A Corrected tells an Observer of one Settle or Refund.
type Corrected struct {
	// Outcome is that of the request that was corrected. If Err is nil, what its levels say
	// is used is that after the correction. Limits that were not corrected have the level of
	// the decision.
	Outcome Outcome

	// Refund reports that the request was given back. Otherwise its costs were set to
	// Actual.
	Refund bool
	Actual usageplan.Costs

	// Err is what Settle or Refund returned, and Took is how long it took.
	Err  error
	Took time.Duration
}

// Observers makes one Observer of several. It tells each of them, in their order.
type Observers []Observer

// Decided implements Observer.
func (all Observers) Decided(ctx context.Context, d Decided) {
	for _, o := range all {
		o.Decided(ctx, d)
	}
}

// Corrected implements Observer.
func (all Observers) Corrected(ctx context.Context, c Corrected) {
	for _, o := range all {
		o.Corrected(ctx, c)
	}
}
