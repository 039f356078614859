package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Always returns a Counter that admits everything and counts nothing. Its levels are
// those of unused meters. Like every Counter, it refuses an invalid charge and a ctx that
// is done. It is safe for concurrent use.
func Always() store.Counter { return fixed{admits: true} }

// Never returns a Counter whose limits are always used up. It refuses every charge that
// takes from a bucket or from a window that is not Unlimited, with the levels and waits
// of an empty bucket and a full window. It admits what every Counter admits: reads,
// refunds, SetRemaining, and takes from Unlimited windows. It counts none of these. It is
// safe for concurrent use.
func Never() store.Counter { return fixed{} }

type fixed struct{ admits bool }

func (f fixed) Take(ctx context.Context, c *store.Charge) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, err)
	}
	if err := c.Check(); err != nil {
		return err
	}
	at := c.At
	if at.IsZero() {
		at = time.Now()
	}
	c.OK = true
	for i := range c.Meters {
		m := &c.Meters[i]
		var s state
		if !f.admits && m.Max < store.Unlimited {
			s.window.Used = m.Max
			s.bucket, _ = s.bucket.Set(m, at.UnixMicro(), 0)
		}
		_, c.Levels[i], _ = s.after(m, at, at.UnixMicro(), 0, false)
		if _, l, ok := s.after(m, at, at.UnixMicro(), c.N[i], c.SetRemaining); !ok && !f.admits {
			c.Levels[i].Wait, c.OK = l.Wait, false
		}
	}
	return nil
}
