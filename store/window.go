package store

import (
	"math"
	"time"
)

// Window is the state of one window: the units used, and the units added to its allowance
// (negative if it was cut). The zero Window is unused. The methods are pure: they return
// the new state, and a store keeps it.
type Window struct{ Used, Extra int64 }

// Take applies a charge of n units at an instant in Unix microseconds. It returns the new
// state, the level to report, and whether the charge fits. A store keeps the new state
// only if n is not zero and every meter of the charge fits.
func (w Window) Take(m *Meter, at, n int64) (Window, Level, bool) {
	l := w.level(m, at)
	ok := n <= l.Max-l.Used || n <= 0
	switch {
	case ok:
		w.Used = max(0, w.Used+n)
		l.Used = w.Used
	case n > m.Max || l.Reset == 0: // more than any such window holds, or the window is over
		l.Wait = Never
	default:
		l.Wait = l.Reset
	}
	return w, l, ok
}

// Set returns the state in which n units remain, and the level to report. An Unlimited
// window does not change.
func (w Window) Set(m *Meter, at, n int64) (Window, Level) {
	if m.Max < Unlimited {
		w.Extra = min(max(n, 0), MaxUnits-w.Used) + w.Used - m.Max
	}
	return w, w.level(m, at)
}

func (w Window) level(m *Meter, at int64) Level {
	l := Level{Max: Unlimited, Used: w.Used, Reset: untilEnd(m, at)}
	if m.Max < Unlimited {
		l.Max = min(max(m.Max+w.Extra, 0), MaxUnits)
	}
	return l
}

// untilEnd returns the time from at to the end of the window, or zero once it is over.
func untilEnd(m *Meter, at int64) time.Duration {
	if m.End > math.MaxInt64/1_000_000 {
		return Never
	}
	end := m.End * 1_000_000
	if at >= end {
		return 0
	}
	left := uint64(end - at) // correct even where the difference overflows an int64
	if left > uint64(Never/time.Microsecond) {
		return Never
	}
	return time.Duration(left) * time.Microsecond
}
