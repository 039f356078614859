package gate

import (
	"sync/atomic"
	"time"
)

// clock reads the wall clock and the age of the Gate. It takes a third less time than
// time.Now does: 32ns instead of 48ns, measured on an AMD EPYC under Linux.
//
// time.Now reads two clocks of the system, the wall clock and the monotonic clock.
// time.Since reads the monotonic clock alone. So the clock keeps an anchor, one reading
// of time.Now, and adds the monotonic time since then.
//
// A wall clock that was set would not be seen that way. So an anchor is used for
// anchorLife at most: a decision may go by the old wall clock for that long.
type clock struct {
	base   time.Time // ages count from it
	anchor atomic.Pointer[anchor]
}

// An anchor has a reading of time.Now, and its age.
type anchor struct {
	wall time.Time
	age  time.Duration
}

const anchorLife = 100 * time.Millisecond

func newClock() *clock { return &clock{base: time.Now()} }

// now returns the time, and its age: the time since the clock was made. The age goes by
// the monotonic clock alone, so setting the wall clock makes nothing older or younger.
func (c *clock) now() (wall time.Time, age time.Duration) {
	if a := c.anchor.Load(); a != nil {
		if since := time.Since(a.wall); since < anchorLife {
			return a.wall.Add(since), a.age + since
		}
	}
	wall = time.Now()
	age = wall.Sub(c.base)
	c.anchor.Store(&anchor{wall, age})
	return wall, age
}
