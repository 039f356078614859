package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/store"
)

// Refund gives back what an admitted request was charged, for a handler that failed: its
// quotas and its usage record, in the windows that it was charged to even if they have
// ended since, and its ID, so that it may be tried again: one of that ID that was
// admitted meanwhile, as Repeated, has then paid nothing. Tokens of the throttles stay
// spent: the work was done. Else it is as Settle.
func (g *Gate) Refund(ctx context.Context, d *Decision) error { return g.Settle(ctx, d, 0) }

// Settle makes the charge of an admitted request what it has come to, for costs that are
// known only afterwards, such as tokens of a language model, or bytes: Admit takes an
// estimate as the Request's Cost, and Settle gives back what was too much, or takes what
// was too little, even above the limits, so that what was used is what is counted;
// requests are then refused until the window ends. What is never settled stays charged as
// estimated. It is for the quotas and the usage record, in the windows that were charged
// even if they have ended since; tokens of the throttles stay as they were taken. A
// Decision of Peek can be settled too: it was charged nothing.
//
// It counts once for each Decision, however often Settle or Refund is called. A copy of a
// Decision would count as another: go vet reports copies. A Decision that was refused,
// that was repeated, or that a failure policy made is left alone. It goes on when ctx is
// cancelled, since the request that it is for may be over, within the Gate's Timeout.
// Safe for concurrent use.
//
// An actual that is negative, or more than can be counted (store.MaxUnits, with all else
// in the window), is ErrInvalid. After that, and after an error that wraps
// store.ErrNotTaken, nothing has happened, and it may be called again; after any other it
// may have happened, and is not tried again.
func (g *Gate) Settle(ctx context.Context, d *Decision, actual int64) error {
	if actual < 0 || actual > store.MaxUnits {
		return fault.Report(ErrInvalid, "settle", fmt.Errorf("actual: %d: want 0 to 2^53-1", actual))
	}
	if !d.Allowed || d.Repeated || d.meters == nil || !atomic.CompareAndSwapUint32(&d.settled, 0, 1) {
		return nil
	}
	c := charges.Get().(*store.Charge)
	defer charges.Put(c)
	c.Subject, c.At, c.SetRemaining, c.Place = d.subject, time.Now(), false, 0
	c.Meters, c.N = d.meters.counting(), store.Each(actual-d.Cost)
	switch {
	case actual == d.Cost:
		return nil
	case actual == 0:
		c.Meters = d.meters.list[d.meters.throttles:] // the ID, too
	case actual > d.Cost:
		c.Meters = boundless(c.Meters)
	}
	within, cancel := g.within(context.WithoutCancel(ctx))
	defer cancel()
	if err := g.counter.Take(within, c); err != nil {
		if errors.Is(err, store.ErrNotTaken) {
			atomic.StoreUint32(&d.settled, 0)
		}
		return fmt.Errorf("gate: settle: %w", err)
	}
	if !c.OK {
		atomic.StoreUint32(&d.settled, 0)
		return fault.Report(ErrInvalid, "settle", fmt.Errorf("actual: %d: more than can be counted beside the rest", actual))
	}
	return nil
}

// counting is the windows of m: of the quotas and of the usage record.
func (m *meters) counting() []store.Meter { return m.list[m.throttles : len(m.list)-m.ids] }

// boundless is windows that count and do not refuse.
func boundless(windows []store.Meter) []store.Meter {
	windows = slices.Clone(windows)
	for i := range windows {
		windows[i].Max = store.Unlimited
	}
	return windows
}
