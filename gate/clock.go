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

// A reading is one reading of the clock. The time is anchor.wall plus since. It is in two
// parts, because the sum costs a decision 10ns, and the fast path of a Counter does not
// need it: see store.ListTaker.
type reading struct {
	*anchor
	since time.Duration // since the anchor
}

func (r reading) time() time.Time        { return r.wall.Add(r.since) }
func (r reading) gateAge() time.Duration { return r.age + r.since }

// stamp sets the time of a request that has none. Most decisions never need the sum.
func (r reading) stamp(req *Request) {
	if req.At.IsZero() {
		req.At = r.time()
	}
}

// unix returns the time of a request in Unix seconds.
func (r reading) unix(req *Request) int64 {
	if !req.At.IsZero() {
		return req.At.Unix()
	}
	return r.wall.Unix() + int64((time.Duration(r.wall.Nanosecond())+r.since)/time.Second)
}

// read returns the time, and its age: the time since the clock was made. The age goes by
// the monotonic clock alone, so setting the wall clock makes nothing older or younger.
func (c *clock) read() reading {
	if a := c.anchor.Load(); a != nil {
		if since := time.Since(a.wall); since < anchorLife {
			return reading{a, since}
		}
	}
	wall := time.Now()
	a := &anchor{wall, wall.Sub(c.base)}
	c.anchor.Store(a)
	return reading{a, 0}
}
