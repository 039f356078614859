package lease

import (
	"time"
)

// clock tells instants in Unix microseconds. It reads the monotonic clock alone, which is
// cheaper than both, so a wall clock that is set does not change it.
type clock struct {
	base  time.Time
	epoch int64

	// byCaller says that the buckets of the inner Counter refill by the clock of the
	// callers. Otherwise it has a clock of its own, and this one is near enough.
	byCaller bool
}

func newClock(byCaller bool) clock {
	now := time.Now()
	return clock{now, now.UnixMicro(), byCaller}
}

// now returns the present.
func (c *clock) now() int64 { return c.epoch + time.Since(c.base).Microseconds() }

// instant is the instant of a charge by three clocks, in Unix microseconds.
type instant struct {
	wall   int64 // of the caller, for windows
	bucket int64 // by which buckets refill
	own    int64 // of the Counter, for leases
}

// read returns the instant of a charge whose At is at.
func (c *clock) read(at time.Time) instant {
	own := c.now()
	if at.IsZero() {
		return instant{time.Now().UnixMicro(), own, own}
	}
	i := instant{at.UnixMicro(), own, own}
	if c.byCaller {
		i.bucket = c.epoch + at.Sub(c.base).Microseconds()
	}
	return i
}

// quick returns wall and bucket of read, and reads no clock if it need not.
func (c *clock) quick(at time.Time) (wall, bucket int64) {
	switch {
	case at.IsZero():
		bucket = c.now()
		return bucket, bucket
	case c.byCaller:
		return at.UnixMicro(), c.epoch + at.Sub(c.base).Microseconds()
	}
	return at.UnixMicro(), c.now()
}
