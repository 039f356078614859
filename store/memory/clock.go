package memory

import (
	"time"

	"github.com/ration-go/ration/store"
)

// Every charge has two readings of one instant, and nearly every function here takes
// both:
//
//   - at, by the wall clock, for windows.
//   - now, in Unix microseconds, for buckets. It follows the monotonic reading of at if
//     there is one. A wall clock that is set while the process runs then neither refills
//     buckets nor holds them up.

// clock returns both readings of a charge's instant. If the caller gave none, it reads
// the clock of this process. A charge of buckets alone does not need the wall clock: it
// reads only the monotonic clock, which is cheaper, and the returned time is zero.
func (s *Store) clock(c *store.Charge) (time.Time, int64) {
	at := c.At
	if at.IsZero() {
		if !anyWindow(c) {
			return at, s.micros(at)
		}
		at = time.Now()
	}
	return at, s.micros(at)
}

// micros converts an instant to the buckets' clock. The zero Time stands for the present.
func (s *Store) micros(at time.Time) int64 {
	if at.IsZero() {
		return s.epoch + time.Since(s.base).Microseconds()
	}
	return s.epoch + at.Sub(s.base).Microseconds()
}

// microsAfter returns the instant at+since on the wall clock, in Unix microseconds, and
// on the buckets' clock.
func (s *Store) microsAfter(at time.Time, since time.Duration) (wall, now int64) {
	part := time.Duration(at.Nanosecond() % 1000) // of a microsecond
	return at.UnixMicro() + floorMicros(part+since), s.epoch + (at.Sub(s.base) + since).Microseconds()
}

// floorMicros returns d in microseconds, rounded down.
func floorMicros(d time.Duration) int64 {
	if d < 0 {
		d -= time.Microsecond - 1
	}
	return d.Microseconds()
}

// clockShift returns by how much the wall clock was set forward since New. It is negative
// if the clock was set back. The two halves of one reading differ by microseconds even if
// nobody set the clock, so the result is rounded.
func (s *Store) clockShift(now time.Time) time.Duration {
	shift := time.Duration(now.UnixMicro()-s.micros(now)) * time.Microsecond
	return shift.Round(time.Millisecond)
}

// evictionClock returns the instant by which a charge judges the state of other subjects:
// the earlier of its own instant and the clock of this process. Otherwise a caller whose
// clock is ahead could evict live state, and those subjects would get their allowance
// again.
func (s *Store) evictionClock(at time.Time, now int64) (time.Time, int64) {
	own := time.Now()
	if at.IsZero() || own.Before(at) {
		return own, s.micros(own)
	}
	return at, now
}

func anyWindow(c *store.Charge) bool {
	for i := range c.Parts {
		for j := range c.Parts[i].Meters {
			if c.Parts[i].Meters[j].IsWindow() {
				return true
			}
		}
	}
	return false
}
