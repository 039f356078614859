package lease

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/store"
)

// report logs that settlements fail, and that they succeed again.
func (l *Counter) report(err error) {
	if l.cfg.Logger == nil || l.failing.Swap(err != nil) == (err != nil) {
		return
	}
	if err == nil {
		l.cfg.Logger.Info("lease: settlements succeed again")
		return
	}
	l.cfg.Logger.Warn("lease: a settlement failed: units that are leased are spent until they expire", "error", err)
}

// takeSafely makes a charge in the background. If the inner Counter panics, it is not
// known what it did. A panic must not end the process: in a request it would not.
func (l *Counter) takeSafely(ctx context.Context, c *store.Charge) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanicked, r)
		}
	}()
	return l.inner.Take(ctx, c)
}

// errPanicked stands for the answer of an inner Counter that panics. What it did is
// unknown.
var errPanicked = errors.New("lease: the inner Counter has panicked")
