package quota

import "time"

// Window is the window of at: [start, end), in q's zone. Windows tile time: each instant is in one.
//
// A day is from the first instant of a date to the first instant of the next, in a zone of whatever length; so are weeks,
// months and years. Months are counted from StartDay, not from one another, and a month that is too short begins on its
// last day. An hour and a minute begin where the wall clock shows a whole one, and at a change of the clocks.
func (q Quota) Window(at time.Time) (start, end time.Time) {
	loc := q.zone()
	at = at.In(loc)
	switch q.Period {
	case Minute:
		return clock(at, time.Minute)
	case Hour:
		return clock(at, time.Hour)
	}
	// The date of at may be before the start of the month or week that it shares with a StartDay, so that the window is
	// the one before. Dates are compared as dates: an instant can be the first of more than one that were skipped.
	y, m, d := at.Date()
	n := q.index(y, m, d)
	if q.first(n, loc).After(at) {
		n--
	}
	for !q.first(n+1, loc).After(at) { // a date that the zone skipped
		n++
	}
	return q.first(n, loc), q.first(n+1, loc)
}

// index is the number of the window of a date, counted in periods.
func (q Quota) index(y int, m time.Month, d int) int {
	switch q.Period {
	case Day:
		return days(y, m, d)
	case Week:
		return floorDiv(days(y, m, d)-weekZero-q.StartDay, 7)
	case Month:
		return y*12 + int(m) - 1
	default:
		return y
	}
}

// first is the first instant of the n-th window.
func (q Quota) first(n int, loc *time.Location) time.Time {
	switch q.Period {
	case Day:
		return midnight(1970, time.January, 1+n, loc)
	case Week:
		return midnight(1970, time.January, 1+weekZero+q.StartDay+7*n, loc)
	case Month:
		y, m := floorDiv(n, 12), time.Month(n-12*floorDiv(n, 12)+1)
		return midnight(y, m, min(max(q.StartDay, 1), length(y, m)), loc)
	default:
		return midnight(n, time.January, 1, loc)
	}
}

// weekZero is the days from 1 January 1970, a Thursday, to the Sunday after it.
const weekZero = 3

// days is the days from 1 January 1970 to a date.
func days(y int, m time.Month, d int) int {
	return int(floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), 24*60*60))
}

func floorDiv[T int | int64](a, b T) T {
	if a < 0 {
		return (a+1)/b - 1
	}
	return a / b
}

// length is the days of a month.
func length(y int, m time.Month) int { return time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// midnight is the first instant at which a place has reached a date: where its clocks skip midnight, the instant after;
// where they show it twice, the earlier; where they skip the whole date, the first of the next.
func midnight(y int, m time.Month, d int, loc *time.Location) time.Time {
	date := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()
	reached := func(t time.Time) bool { // as a date, that is: whatever the clock was set to since
		_, offset := t.Zone()
		return t.Unix()+int64(offset) >= date
	}
	// The answer is where the offset's change makes the local time reach the date, or where it runs into it. Look at each
	// stretch without a change, from well before.
	for t := time.Unix(date, 0).Add(-36 * time.Hour).In(loc); ; {
		if reached(t) {
			return t
		}
		_, offset := t.Zone()
		runs := time.Unix(date-int64(offset), 0).In(loc)
		_, until := t.ZoneBounds()
		if until.IsZero() || runs.Before(until) {
			return runs
		}
		t = until
	}
}

// clock is the minute or hour of at by the wall clock, cut short by a change of the zone's offset.
func clock(at time.Time, length time.Duration) (start, end time.Time) {
	_, offset := at.Zone()
	wall := at.Unix() + int64(offset)
	seconds := int64(length / time.Second)
	begin := floorDiv(wall, seconds) * seconds
	start, end = time.Unix(begin-int64(offset), 0).In(at.Location()), time.Unix(begin+seconds-int64(offset), 0).In(at.Location())
	from, until := at.ZoneBounds()
	if !from.IsZero() && from.After(start) {
		start = from
	}
	if !until.IsZero() && until.Before(end) {
		end = until
	}
	return start, end
}
