package store

import (
	"math"
	"time"
)

// A Window has the state of one window: the units used, the units added to its allowance
// (negative if it was cut), and when units were last taken. The zero Window is unused.
// The methods are pure: they return the new state, and a store keeps it.
type Window struct {
	Used, Extra int64

	// Last is the span of the window in which units were last taken, counted from 1. It is
	// at most MaxLast. See [Meter.LastTaken].
	Last int64
}

// MaxLast bounds Window.Last, so that a store can keep it in the 11 bits that MaxUnits
// leaves of a word.
const MaxLast = 1<<11 - 1

// Take applies a charge of n units at an instant in Unix microseconds. It returns the new
// state, the level to report, and whether the charge fits. A store keeps the new state
// only if n is not zero and every meter of the charge fits.
func (w Window) Take(m *Meter, at, n int64) (next Window, l Level, ok bool) {
	ok = w.Spend(m, at, n, &l)
	return w, l, ok
}

// Spend does what Take does, in place: w becomes the new state, and l the level. It is
// for stores that decide so fast that copies of these cost more than the arithmetic.
func (w *Window) Spend(m *Meter, at, n int64, l *Level) (ok bool) {
	limit := w.limit(m)
	l.Max, l.Wait, l.Reset = limit, 0, untilEnd(m, at)
	if ok = n <= limit-w.Used || n <= 0; ok {
		w.Used = max(0, w.Used+n)
	} else {
		ok = w.exceed(m, n, l)
	}
	if ok && n > 0 && !w.lastHas(m, at) {
		w.Last = max(w.Last, m.SpanAt(at))
	}
	l.Used = w.Used
	return ok
}

// exceed tells how long a charge that does not fit has to wait. If the meter is soft, w
// counts on.
func (w *Window) exceed(m *Meter, n int64, l *Level) (ok bool) {
	if l.Wait = l.Reset; n > m.Max || l.Reset == 0 {
		l.Wait = Never // no such window holds so much, or the window is over
	}
	if m.Soft {
		w.Used += min(n, MaxUnits-w.Used)
	}
	return m.Soft
}

// limit returns the allowance of w, including what SetRemaining added.
func (w *Window) limit(m *Meter) int64 {
	if m.Max >= Unlimited {
		return Unlimited
	}
	return min(max(m.Max+w.Extra, 0), MaxUnits)
}

// Set returns the state in which n units remain, and the level to report. An Unlimited
// window does not change.
func (w Window) Set(m *Meter, at, n int64) (next Window, l Level) {
	if m.Max < Unlimited {
		w.Extra = min(max(n, 0), MaxUnits-w.Used) + w.Used - m.Max
	}
	return w, Level{Max: w.limit(m), Used: w.Used, Reset: untilEnd(m, at)}
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

// lastHas reports whether units were taken in the span of an instant, or in a later one.
// It spares most charges a division by the length of a span. False may be wrong. Then
// SpanAt finds that nothing changes.
func (w *Window) lastHas(m *Meter, at int64) bool {
	return w.Last > 0 && at/1_000_000-m.Start < w.Last*m.span()
}

// SpanAt returns the span of window m in which an instant is, counted from 1. The instant
// is in Unix microseconds. A store that does not decide through Charge.Decide makes
// Window.Last at least this when it takes units. See LastTaken.
func (m *Meter) SpanAt(at int64) int64 {
	second := min(max(floorSecond(at), m.Start), m.End-1)
	return (second-m.Start)/m.span() + 1
}

// LastTaken returns the start of the span in which units were last taken from the window
// m, and whether there is one. last is the Last of m in a Part, or in its Window.
//
// A span is a minute, counted from the window's start. Of a window longer than 34 hours
// it is as many minutes as it takes for MaxLast spans to cover the window: 22 of a month,
// 257 of a year. An instant before the window counts as its first span, and one after it
// as its last.
func (m *Meter) LastTaken(last int64) (start time.Time, ok bool) {
	if last == 0 {
		return time.Time{}, false
	}
	return time.Unix(m.Start+(last-1)*m.span(), 0), true
}

// span returns the length of a span of m in seconds.
func (m *Meter) span() int64 {
	length := m.End - m.Start
	if length <= MaxLast*60 {
		return 60
	}
	return (((length-1)/60)/MaxLast + 1) * 60
}

// floorSecond returns the second of an instant in microseconds.
func floorSecond(micros int64) int64 {
	if micros < 0 {
		return (micros+1)/1_000_000 - 1
	}
	return micros / 1_000_000
}
