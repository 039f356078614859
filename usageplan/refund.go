package usageplan

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store"
)

// Refund gives back what an admitted request was charged, for a handler that failed: its quotas and its usage record, in
// the windows that it was charged to even if they have ended since. Tokens of the bucket stay spent: the work was done. It
// gives back once for each Decision, however often it is called; a copy of a Decision counts as another. Safe for
// concurrent use. It goes on when ctx is cancelled, since the request that it is for may be over, within the Gate's
// Timeout.
//
// After an error that does not wrap store.ErrNotTaken the refund may have happened, and is not tried again.
func (g *Gate) Refund(ctx context.Context, d *Decision) error {
	if !d.Allowed || d.Cost == 0 || d.meters == nil || !atomic.CompareAndSwapUint32(&d.refunded, 0, 1) {
		return nil
	}
	c := charges.Get().(*store.Charge)
	defer charges.Put(c)
	c.Subject, c.At, c.Meters, c.SetRemaining = d.subject, time.Now(), d.meters.list[d.meters.throttles:], false
	c.N = store.Each(-d.Cost)
	if err := g.take(context.WithoutCancel(ctx), c); err != nil {
		return fmt.Errorf("usageplan: refund: %w", err)
	}
	return nil
}
