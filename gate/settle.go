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
// what was too little, to the key and to every group that was charged. A request that is
// never settled stays charged as estimated.
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
// called again. After any other error the charge may have been corrected, and another
// call has no effect. If the key has left its family and a Counter keeps the families
// apart, some of the payers may have been corrected.
func (g *Gate) Settle(ctx context.Context, d *Decision, actual int64) error {
	if actual < 0 || actual > store.MaxUnits {
		return fault.Report(ErrInvalid, "settle", fmt.Errorf("actual: %d: want 0 to 2^53-1", actual))
	}
	if !d.Allowed || d.Repeated || d.meters == nil || !atomic.CompareAndSwapUint32(&d.settled, 0, 1) {
		return nil
	}
	if actual == d.Cost {
		return nil
	}
	within, cancel := g.within(context.WithoutCancel(ctx))
	defer cancel()
	ok, err := g.correct(within, d.correction(actual))
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

// correction returns the charge that corrects what was charged to actual, at the key and
// at every group.
func (d *Decision) correction(actual int64) *store.Charge {
	c := &store.Charge{At: time.Now()}
	add := func(subject string, windows []store.Meter) {
		if actual > d.Cost {
			windows = boundless(windows)
		}
		c.Parts = append(c.Parts, store.NewPart(subject, actual-d.Cost, windows...))
	}
	own := d.meters.counting()
	if actual == 0 {
		own = d.meters.list[d.meters.throttles:] // the ID, too
	}
	add(d.binding.subject, own)
	for l := d.groups; l != nil; l = l.above {
		add(l.node.subject, l.meters.counting())
	}
	return c
}

// correct makes the charge c.
//
// A key that has left its family is apart from the groups that it was charged with, and a
// Counter may keep them in different places. Then correct makes one charge for each part.
// No limit depends on these being one step.
func (g *Gate) correct(ctx context.Context, c *store.Charge) (ok bool, err error) {
	if err = g.takeMoved(ctx, c); !errors.Is(err, store.ErrApart) {
		return c.OK, err
	}
	return g.correctParts(ctx, c)
}

// correctParts makes a charge for each part of c. Unless the first one changed nothing,
// correctParts makes all of them, and reports the parts that fail.
func (g *Gate) correctParts(ctx context.Context, c *store.Charge) (ok bool, err error) {
	var errs []error
	for i := range c.Parts {
		part := &store.Charge{At: c.At, Parts: c.Parts[i : i+1]}
		err := g.takeMoved(ctx, part)
		if i == 0 && (err == nil && !part.OK || errors.Is(err, store.ErrNotTaken)) {
			return false, err
		}
		if err == nil && !part.OK {
			err = errors.New("more than can be counted beside the rest")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("subject %q: %w", c.Parts[i].Subject, err))
		}
	}
	if len(errs) == 0 {
		return true, nil
	}
	// With %v, because ErrNotTaken would say that nothing has changed.
	return true, fmt.Errorf("%d of %d payers were corrected: %v", len(c.Parts)-len(errs), len(c.Parts), errors.Join(errs...))
}

// takeMoved makes the charge c. If a subject has moved since it was charged, its state
// has moved too, so takeMoved charges the new subject.
func (g *Gate) takeMoved(ctx context.Context, c *store.Charge) error {
	for moves := 0; ; moves++ {
		err := g.counter.Take(ctx, c)
		moved, ok := errors.AsType[*store.MovedError](err)
		if !ok || moves == maxMoves {
			return err
		}
		for i := range c.Parts {
			if p := &c.Parts[i]; p.Subject == moved.Subject {
				p.Subject, p.Place = moved.To, 0
			}
		}
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
