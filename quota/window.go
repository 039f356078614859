package quota

import "time"

// Window is the window of at: [start, end), in q's zone. Windows tile time: each instant
// is in one. q is valid; the window of any other is empty, or that of another quota.
//
// A day is from the first instant of a date to the first instant of the next, in a zone
// of whatever length; so are weeks, months and years. Where clocks are set back over
// midnight, the date that they show again is not another day. Months are counted from
// StartDay, not from one another, and a month that is too short begins on its last day.
//
// An hour and a minute begin where the wall clock shows a whole one, and where it is set
// to another time: an hour that is shown twice is two.
func (q Quota) Window(at time.Time) (start, end time.Time) {
	at = at.In(q.zone())
	switch q.Period {
	case Minute:
		return clock(at, 60)
	case Hour:
		return clock(at, 60*60)
	case Day, Week, Month, Year:
		n := q.index(at.Date())
		if q.first(n).After(at) { // the date is before the StartDay of its month
			n--
		}
		for !q.first(n + 1).After(at) { // clocks were set back over midnight
			n++
		}
		return q.first(n), q.first(n + 1)
	}
	return at, at
}

// index is the number of the window of a date, counted in periods; of a month, the one
// that begins in it.
func (q Quota) index(y int, m time.Month, d int) int {
	switch q.Period {
	case Day:
		return days(y, m, d)
	case Week:
		return int(floorDiv(int64(days(y, m, d)-weekZero-q.StartDay), 7))
	case Month:
		return y*12 + int(m) - 1
	}
	return y
}

// first is the first instant of the n-th window.
func (q Quota) first(n int) time.Time {
	switch q.Period {
	case Day:
		return reach(1970, time.January, 1+n, q.zone())
	case Week:
		return reach(1970, time.January, 1+weekZero+q.StartDay+7*n, q.zone())
	case Month:
		last := time.Date(0, time.Month(n+1)+1, 0, 0, 0, 0, 0, time.UTC) // the day before the first of the next month
		return reach(last.Year(), last.Month(), min(max(q.StartDay, 1), last.Day()), q.zone())
	}
	return reach(n, time.January, 1, q.zone())
}

// weekZero is the days from 1 January 1970, a Thursday, to the Sunday after it.
const weekZero = 3

// days is the days from 1 January 1970 to a date.
func days(y int, m time.Month, d int) int {
	return int(floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), 24*60*60))
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return (a+1)/b - 1
	}
	return a / b
}

// reach is the first instant at which the clocks of a place show a date, or a later one
// if they skip it. It is midnight; where they skip midnight, the instant after; where
// they show it twice, the earlier.
func reach(y int, m time.Month, d int, loc *time.Location) time.Time {
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() // as those clocks show it
	t := time.Unix(midnight, 0).Add(-48 * time.Hour).In(loc)    // no clock on Earth is so far ahead
	for {
		end := until(t)
		switch shown := time.Unix(midnight-offset(t), 0).In(loc); {
		case !shown.After(t): // by the change at t
			return t
		case shown.Before(end):
			return shown
		}
		t = end
	}
}

// clock is the minute or hour of at by the wall clock, which is so many seconds long if
// the offset does not change in it.
func clock(at time.Time, seconds int64) (start, end time.Time) {
	ahead := offset(at)
	unix := floorDiv(at.Unix()+ahead, seconds)*seconds - ahead
	start, end = time.Unix(unix, 0).In(at.Location()), time.Unix(unix+seconds, 0).In(at.Location())
	for offset(start) != ahead {
		start = until(start)
	}
	for t := until(at); t.Before(end); t = until(t) {
		if offset(t) != ahead {
			return start, t
		}
	}
	return start, end
}
