package store

import "time"

// Window is the state of one window: units used, and units added to its allowance (negative: cut from it). The zero
// Window is unused. Its methods are pure: they return the new state, and a store keeps it.
type Window struct{ Used, Extra int64 }

// Take is the whole rule of a window: the state after taking n at the instant at, what to report, and whether it fits. A
// store keeps the state only if n is not zero and every meter of the charge fits.
func (w Window) Take(m *Meter, at time.Time, n int64) (Window, Level, bool) {
	l := w.level(m, at)
	ok := n <= l.Max-l.Used || n <= 0
	switch {
	case ok:
		w.Used = max(0, w.Used+n)
		l.Used = w.Used
	case n > m.Max || l.Reset == 0: // more than any such window holds, or one that is over
		l.Wait = Never
	default:
		l.Wait = l.Reset
	}
	return w, l, ok
}

// Set is the state in which n units remain, and what to report. An Unlimited window stays as it is.
func (w Window) Set(m *Meter, at time.Time, n int64) (Window, Level) {
	if m.Max < Unlimited {
		w.Extra = min(max(n, 0), MaxUnits-w.Used) + w.Used - m.Max
	}
	return w, w.level(m, at)
}

func (w Window) level(m *Meter, at time.Time) Level {
	l := Level{Max: Unlimited, Used: w.Used, Reset: untilEnd(m, at)}
	if m.Max < Unlimited {
		l.Max = min(max(m.Max+w.Extra, 0), MaxUnits)
	}
	return l
}

// untilEnd is the time from at to the end of the window, rounded up to the microsecond; zero once it is over.
func untilEnd(m *Meter, at time.Time) time.Duration {
	seconds := m.End - at.Unix()
	switch {
	case seconds <= 0:
		return 0
	case seconds > int64(Never/time.Second)-1:
		return Never
	}
	return time.Duration(seconds)*time.Second - time.Duration(at.Nanosecond()/1000)*time.Microsecond
}
