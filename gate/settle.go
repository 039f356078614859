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

// Refund gives back what an admitted request was charged, for example after a handler
// failed. It gives back to the quotas and the usage record, in the windows that were
// charged, even if they have ended since. Tokens of the throttles stay spent, since the
// work was done.
//
// Refund also releases the request's ID, so that a retry is charged again. A retry that
// was admitted in between, as Repeated, has paid nothing.
//
// Everything else is as for Settle.
func (g *Gate) Refund(ctx context.Context, d *Decision) error { return g.Settle(ctx, d, 0) }

// Settle corrects the charge of an admitted request to actual. It is for costs that are
// known only afterwards, such as the tokens of a language model or bytes. Admit charges
// an estimate, the Cost of the Request. Settle gives back what was too much, or charges
// what was too little. A request that is never settled stays charged as estimated.
//
// An additional charge goes even above the limits, so that the count is what was used.
// Further requests are then refused until the window ends.
//
// Settle corrects the quotas and the usage record, in the windows that were charged, even
// if they have ended since. Tokens of the throttles stay as they were taken. An allowed
// Decision of Peek was charged nothing, and can be settled, too.
//
// Settle leaves a Decision alone that was refused, that was repeated, or that a failure
// policy made. Only the first successful call of Settle or Refund has an effect on a
// Decision. Settle is safe for concurrent use.
//
// Caution: a copy of a Decision could be settled once more. The go vet command reports
// copies.
//
// Settle goes on when ctx is cancelled, since the request may be over by then. It is
// bounded by Config.Timeout instead.
//
// The error wraps ErrInvalid if actual is negative, or is more than can be counted
// (store.MaxUnits) together with everything else in the window. After that error, and
// after an error that wraps store.ErrNotTaken, nothing has changed, and Settle may be
// called again. After any other error the charge may have been corrected. Then another
// call has no effect.
func (g *Gate) Settle(ctx context.Context, d *Decision, actual int64) error {
	if actual < 0 || actual > store.MaxUnits {
		return fault.Report(ErrInvalid, "settle", fmt.Errorf("actual: %d: want 0 to 2^53-1", actual))
	}
	if !d.Allowed || d.Repeated || d.meters == nil || !atomic.CompareAndSwapUint32(&d.settled, 0, 1) {
		return nil
	}
	meters, n := d.meters.counting(), actual-d.Cost
	switch {
	case actual == d.Cost:
		return nil
	case actual == 0:
		meters = d.meters.list[d.meters.throttles:] // the ID, too
	case actual > d.Cost:
		meters = boundless(meters)
	}
	within, cancel := g.within(context.WithoutCancel(ctx))
	defer cancel()
	ok, err := g.correct(within, d.subject, n, meters)
	switch {
	case err != nil:
		if errors.Is(err, store.ErrNotTaken) {
			atomic.StoreUint32(&d.settled, 0)
		}
		return fmt.Errorf("gate: settle: %w", err)
	case !ok:
		atomic.StoreUint32(&d.settled, 0)
		return fault.Report(ErrInvalid, "settle", fmt.Errorf("actual: %d: more than can be counted beside the rest", actual))
	}
	return nil
}

// correct charges n units to each of a subject's meters. If the subject has moved since
// it was charged, its state has moved too, so correct charges the new subject.
func (g *Gate) correct(ctx context.Context, subject string, n int64, meters []store.Meter) (ok bool, err error) {
	c := store.NewCharge(subject, n, meters...)
	c.At = time.Now()
	for moves := 0; ; moves++ {
		err = g.counter.Take(ctx, c)
		moved, ok := errors.AsType[*store.MovedError](err)
		if !ok || moves == maxMoves {
			return c.OK, err
		}
		c.Parts[0].Subject = moved.To
	}
}

// maxMoves bounds how many moves of one subject a correction follows.
const maxMoves = 4

// counting returns the windows of m, which are those of the quotas and of the usage
// record.
func (m *meters) counting() []store.Meter { return m.list[m.throttles : len(m.list)-m.ids] }

// boundless returns a copy of the windows whose meters count and do not refuse.
func boundless(windows []store.Meter) []store.Meter {
	windows = slices.Clone(windows)
	for i := range windows {
		windows[i].Max = store.Unlimited
	}
	return windows
}
