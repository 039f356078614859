package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/store"
)

// newSettlementLog returns the Log of settlements that fail.
func newSettlementLog(logger *slog.Logger) outage.Log {
	return outage.Log{
		Logger:   logger,
		Level:    slog.LevelWarn,
		Begins:   "lease: a settlement failed: units that are leased are spent until they expire",
		Ends:     "lease: settlements succeed again",
		Affected: "settlements",
	}
}

// report logs that settlements fail, and that they succeed again. A settlement that had
// nothing to charge is neither, and neither is the news that a subject has moved.
func (l *Counter) report(err error) {
	switch {
	case err == nil:
		l.settlements.Succeed(context.Background())
	case !errors.As(err, new(*store.MovedError)):
		l.settlements.Fail(context.Background(), err)
		l.settlements.Affect()
	}
}

// takeSafely makes a charge in the background. If the inner Counter panics, it is not
// known what it did. A panic must not end the process: in a request it would not.
func (l *Counter) takeSafely(ctx context.Context, c *store.Charge) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanicked, r)
		}
		l.report(err)
	}()
	return l.inner.Take(ctx, c)
}

// errPanicked stands for the answer of an inner Counter that panics. What it did is
// unknown.
var errPanicked = errors.New("lease: the inner Counter has panicked")
