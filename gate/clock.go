package gate

import (
	"sync/atomic"
	"time"
)

// clock reads the time for half of what time.Now costs: the wall as it was at an anchor,
// and how long ago that was by the monotonic clock. The anchor is dropped after a tenth
// of a second, so that a wall clock that was set is seen by then.
type clock struct {
	base   time.Time // from which ages count
	anchor atomic.Pointer[anchor]
}

// anchor is a reading of time.Now, and how long after base it was.
type anchor struct {
	wall time.Time
	age  time.Duration
}

const anchored = 100 * time.Millisecond

func newClock() *clock { return &clock{base: time.Now()} }

// now is the time, and how long after base that is by the monotonic clock alone: setting
// the wall makes nothing older.
func (c *clock) now() (wall time.Time, age time.Duration) {
	if a := c.anchor.Load(); a != nil {
		if since := time.Since(a.wall); since < anchored {
			return a.wall.Add(since), a.age + since
		}
	}
	wall = time.Now()
	age = wall.Sub(c.base)
	c.anchor.Store(&anchor{wall, age})
	return wall, age
}
