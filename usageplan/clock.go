package usageplan

import (
	"sync/atomic"
	"time"
)

// clock reads the time for half of what time.Now costs: the wall as it was at an anchor, and how long ago that was by the
// monotonic clock. The anchor is dropped after a tenth of a second, so that a wall clock that was set is seen by then.
type clock struct{ anchor atomic.Pointer[time.Time] }

const anchored = 100 * time.Millisecond

func (c *clock) now() time.Time {
	if anchor := c.anchor.Load(); anchor != nil {
		if since := time.Since(*anchor); since < anchored {
			return anchor.Add(since)
		}
	}
	now := time.Now()
	c.anchor.Store(new(now))
	return now
}
