package quota

import "time"

// How windows follow the wall clock
//
// Days, weeks, months and years are numbered. The n-th one starts at nthStart(n) and ends
// at nthStart(n+1), so they cannot overlap or leave a gap. Each starts when the clocks of
// the zone first show its first date. For a day:
//
//	Europe/Berlin, 25 October 2026: clocks go back at 03:00 CEST to 02:00 CET.
//	  The day is [00:00 CEST, 00:00 CET of the 26th), which is 25 hours.
//	America/Sao_Paulo, 4 November 2018: clocks skip from 00:00 to 01:00.
//	  No clock shows 00:00. The day starts at 01:00 and has 23 hours.
//	America/St_Johns, 7 November 2010: clocks go back at 00:01 to 23:01 of the 6th.
//	  00:00 is shown twice. The 7th starts at the first one. The 59 minutes in which
//	  clocks show the 6th again belong to the 7th, or the 6th would be two windows.
//
// Hours and minutes are not numbered. They start where the wall clock shows a whole unit,
// and at a clock change. In Berlin on 25 October 2026, 02:30 CEST is in [02:00 CEST,
// 02:00 CET) and 02:30 CET is in [02:00 CET, 03:00 CET): two windows of one hour each.

// Window returns the window that at is in, [start, end), in q's zone. Windows tile time:
// each instant is in exactly one. If q is invalid, the window is empty or meaningless.
//
// A day lasts from the first instant of a date to the first instant of the next date, so
// its length varies with the zone's clock changes. The same holds for weeks, months and
// years. Where clocks are set back over midnight, the date that they show again is not
// another day. Each month is counted from StartDay, not from the month before. A month
// that is too short for StartDay begins on its last day.
//
// An hour or a minute begins where the wall clock shows a whole one, and at each clock
// change. An hour that is shown twice is two windows.
func (q Quota) Window(at time.Time) (start, end time.Time) {
	at = at.In(q.zone())
	switch q.Period {
	case Minute:
		return wallClockUnit(at, 60)
	case Hour:
		return wallClockUnit(at, 60*60)
	case Day, Week, Month, Year:
		n := q.periodIndex(at.Date())
		if q.nthStart(n).After(at) { // the date is before the StartDay of its month
			n--
		}
		for !q.nthStart(n + 1).After(at) { // clocks were set back over midnight
			n++
		}
		return q.nthStart(n), q.nthStart(n + 1)
	}
	return at, at
}

// periodIndex returns the number n of the period that contains a date. For a month it is
// the period that begins in the date's month, which may be after the date.
func (q Quota) periodIndex(y int, m time.Month, d int) int {
	switch q.Period {
	case Day:
		return daysSince1970(y, m, d)
	case Week:
		return int(floorDiv(int64(daysSince1970(y, m, d)-firstSunday-q.StartDay), 7))
	case Month:
		return y*12 + int(m) - 1
	}
	return y
}

// nthStart returns the first instant of the n-th period.
func (q Quota) nthStart(n int) time.Time {
	switch q.Period {
	case Day:
		return firstInstantOf(1970, time.January, 1+n, q.zone())
	case Week:
		return firstInstantOf(1970, time.January, 1+firstSunday+q.StartDay+7*n, q.zone())
	case Month:
		last := time.Date(0, time.Month(n+1)+1, 0, 0, 0, 0, 0, time.UTC) // day 0 of a month is the last of the one before
		day := min(max(q.StartDay, 1), last.Day())
		return firstInstantOf(last.Year(), last.Month(), day, q.zone())
	}
	return firstInstantOf(n, time.January, 1, q.zone())
}

// firstSunday is the number of days from 1 January 1970, a Thursday, to the next Sunday.
const firstSunday = 3

// daysSince1970 returns the number of days from 1 January 1970 to a date.
func daysSince1970(y int, m time.Month, d int) int {
	return int(floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), 24*60*60))
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return (a+1)/b - 1
	}
	return a / b
}

// firstInstantOf returns the first instant at which the clocks of a zone show a date, or
// a later date if they skip it. That is midnight. If midnight is skipped, it is the
// instant of the clock change. If midnight is shown twice, it is the earlier one.
//
// It walks through the spans of constant offset, from one that ends before the date can
// begin anywhere.
func firstInstantOf(y int, m time.Month, d int, loc *time.Location) time.Time {
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() // what the clocks show
	t := time.Unix(midnight, 0).Add(-48 * time.Hour).In(loc)    // no zone is 48 hours ahead of UTC
	for {
		end := sameOffsetUntil(t)
		switch shown := time.Unix(midnight-offset(t), 0).In(loc); {
		case !shown.After(t): // the clock change at t skipped midnight, or led to it
			return t
		case shown.Before(end):
			return shown
		}
		t = end
	}
}

// wallClockUnit returns the minute or hour that at is in by the wall clock. It lasts the
// given seconds, or less if the offset changes within it.
func wallClockUnit(at time.Time, seconds int64) (start, end time.Time) {
	ahead := offset(at)
	unix := floorDiv(at.Unix()+ahead, seconds)*seconds - ahead
	start = time.Unix(unix, 0).In(at.Location())
	end = time.Unix(unix+seconds, 0).In(at.Location())

	for offset(start) != ahead { // a clock change between start and at
		start = sameOffsetUntil(start)
	}
	for t := sameOffsetUntil(at); t.Before(end); t = sameOffsetUntil(t) {
		if offset(t) != ahead {
			return start, t
		}
	}
	return start, end
}
