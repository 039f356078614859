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
	for i := range c.Parts {
		f.takePart(c, &c.Parts[i], at.UnixMicro())
	}
	return nil
}

// takePart fills in the levels of a part, and c.OK if the part refuses.
func (f fixed) takePart(c *store.Charge, p *store.Part, at int64) {
	for i := range p.Meters {
		m := &p.Meters[i]
		var s store.State
		if !f.admits && m.Max < store.Unlimited {
			s.Window.Used = m.Max
			s.Bucket, _ = s.Bucket.Set(m, at, 0)
		}
		_, level, _ := s.Take(m, at, at, 0)
		if _, l, ok := s.Take(m, at, at, p.N[i]); !f.admits && c.Op == store.Spend && l.Wait > 0 {
			level.Wait = l.Wait
			c.OK = c.OK && ok
		}
		if p.Levels != nil {
			p.Levels[i] = level
		}
	}
}
