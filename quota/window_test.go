package quota_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// windows are quotas in text form, each with an instant and the window that it is in.
var windows = []struct{ quota, at, start, end string }{
	{"1/minute", "2026-03-05T10:20:30Z", "2026-03-05T10:20:00Z", "2026-03-05T10:21:00Z"},
	{"1/hour", "2026-03-05T10:20:30Z", "2026-03-05T10:00:00Z", "2026-03-05T11:00:00Z"},
	{"1/day", "2026-03-05T10:20:30Z", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"},
	{"1/day", "2026-03-05T00:00:00Z", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"},
	{"1/day", "2026-03-05T23:59:59.999999999Z", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"},
	{"1/day", "1969-12-31T12:00:00Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"},
	{"1/week", "2026-03-05T10:20:30Z", "2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"}, // a Thursday
	{"1/week", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"},
	{"1/week start Monday", "2026-03-01T00:00:00Z", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"},
	{"1/week start Saturday", "2026-03-05T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-07T00:00:00Z"},
	{"1/week", "1960-01-01T00:00:00Z", "1959-12-27T00:00:00Z", "1960-01-03T00:00:00Z"},
	{"1/month", "2026-03-31T10:00:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"},
	{"1/month start 15", "2026-03-14T23:59:59Z", "2026-02-15T00:00:00Z", "2026-03-15T00:00:00Z"},
	{"1/month start 15", "2026-01-02T00:00:00Z", "2025-12-15T00:00:00Z", "2026-01-15T00:00:00Z"},
	{"1/month start 15", "2026-12-15T00:00:00Z", "2026-12-15T00:00:00Z", "2027-01-15T00:00:00Z"},
	// Months are counted from StartDay, not from the month before: 31 January, 28 February,
	// 31 March.
	{"1/month start 31", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"},
	{"1/month start 31", "2026-02-28T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"},
	{"1/month start 31", "2026-03-31T00:00:00Z", "2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z"},
	{"1/month start 30", "2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-30T00:00:00Z"},
	{"1/month start 29", "2028-02-28T23:00:00Z", "2028-01-29T00:00:00Z", "2028-02-29T00:00:00Z"},
	{"1/month start 29", "2100-02-28T23:00:00Z", "2100-02-28T00:00:00Z", "2100-03-29T00:00:00Z"},
	{"1/year", "2028-12-31T23:59:59Z", "2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z"},

	// Days of 23, 25, 23.5 and 24.5 hours.
	{"1/day in Europe/Berlin", "2026-03-29T12:00:00+02:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"},
	{"1/day in Europe/Berlin", "2026-10-25T12:00:00+01:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"},
	{"1/day in Australia/Lord_Howe", "2025-10-05T12:00:00+11:00", "2025-10-05T00:00:00+10:30", "2025-10-06T00:00:00+11:00"},
	{"1/day in Australia/Lord_Howe", "2026-04-05T12:00:00+10:30", "2026-04-05T00:00:00+11:00", "2026-04-06T00:00:00+10:30"},
	{"1/month start 15 in Europe/Berlin", "2026-03-15T00:00:00+01:00", "2026-03-15T00:00:00+01:00", "2026-04-15T00:00:00+02:00"},
	// Midnight is skipped: the day starts at the instant of the clock change.
	{"1/day in America/Sao_Paulo", "2018-11-04T12:00:00-02:00", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"},
	{"1/day in Asia/Beirut", "2022-03-27T12:00:00+03:00", "2022-03-27T01:00:00+03:00", "2022-03-28T00:00:00+03:00"},
	{"1/day in Africa/Monrovia", "1972-01-07T12:00:00Z", "1972-01-07T00:44:30Z", "1972-01-08T00:00:00Z"},
	// Clocks go back from midnight to 23:00: the date has 25 hours.
	{"1/day in America/Sao_Paulo", "2018-02-17T23:30:00-03:00", "2018-02-17T00:00:00-02:00", "2018-02-18T00:00:00-03:00"},
	// Clocks go back from 00:01: midnight is shown twice. The new day begins at the first
	// midnight, and the date that is shown again belongs to it.
	{"1/day in America/St_Johns", "2010-11-06T23:30:00-02:30", "2010-11-06T00:00:00-02:30", "2010-11-07T00:00:00-02:30"},
	{"1/day in America/St_Johns", "2010-11-06T23:30:00-03:30", "2010-11-07T00:00:00-02:30", "2010-11-08T00:00:00-03:30"},
	// Samoa had no 30 December 2011.
	{"1/day in Pacific/Apia", "2011-12-29T12:00:00-10:00", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"},
	{"1/day in Pacific/Apia", "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"},
	{"1/month start 30 in Pacific/Apia", "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00", "2012-01-30T00:00:00+14:00"},
	// Sitka moved from one side of the date line to the other and had 18 October 1867 twice.
	// Its clocks showed the dates 18, 19, 18, 19 and 20. The second 18 is part of the first
	// 19.
	{"1/day in America/Sitka", "1867-10-19T12:00:00Z", "1867-10-18T09:01:13Z", "1867-10-20T09:01:13Z"},

	// Hours begin where the wall clock shows a whole one, which may be half past in UTC.
	{"1/hour in Asia/Kolkata", "2026-03-05T10:20:30+05:30", "2026-03-05T10:00:00+05:30", "2026-03-05T11:00:00+05:30"},
	{"1/hour in Asia/Kathmandu", "2026-03-05T10:20:30+05:45", "2026-03-05T10:00:00+05:45", "2026-03-05T11:00:00+05:45"},
	// An hour that is shown twice is two windows of one hour each.
	{"1/hour in Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"},
	{"1/hour in Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"},
	{"1/minute in Europe/Berlin", "2026-10-25T02:59:30+02:00", "2026-10-25T02:59:00+02:00", "2026-10-25T02:00:00+01:00"},
	// Where clocks change by half an hour, or at 00:01, the change cuts an hour short.
	{"1/hour in Australia/Lord_Howe", "2026-04-05T01:40:00+11:00", "2026-04-05T01:00:00+11:00", "2026-04-05T02:00:00+11:00"},
	{"1/hour in Australia/Lord_Howe", "2026-04-05T01:40:00+10:30", "2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30"},
	{"1/hour in America/St_Johns", "2010-11-07T00:00:30-02:30", "2010-11-07T00:00:00-02:30", "2010-11-06T23:01:00-03:30"},
	{"1/hour in America/St_Johns", "2010-11-06T23:30:00-03:30", "2010-11-06T23:01:00-03:30", "2010-11-07T00:00:00-03:30"},

	// Under a zone's rules for future years, the last day of a leap year is like any other.
	{"1/hour in Australia/Adelaide", "2096-12-31T12:20:00+10:30", "2096-12-31T12:00:00+10:30", "2096-12-31T13:00:00+10:30"},
	{"1/hour in Australia/Adelaide", "2097-01-01T10:40:00+10:30", "2097-01-01T10:00:00+10:30", "2097-01-01T11:00:00+10:30"},
	{"1/day in Europe/Berlin", "2096-12-31T12:20:00+01:00", "2096-12-31T00:00:00+01:00", "2097-01-01T00:00:00+01:00"},
	{"1/year in America/New_York", "2096-12-31T12:20:00-05:00", "2096-01-01T00:00:00-05:00", "2097-01-01T00:00:00-05:00"},
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	require.NoError(t, err)
	return at
}

func TestWindow(t *testing.T) {
	for _, c := range windows {
		q, err := quota.Parse(c.quota)
		require.NoError(t, err)
		start, end := q.Window(instant(t, c.at))
		wantStart, wantEnd := instant(t, c.start), instant(t, c.end)
		assert.True(t, start.Equal(wantStart) && end.Equal(wantEnd), "%s at %s: %v to %v", c.quota, c.at, start, end)
		assert.NoError(t, tiles(q, instant(t, c.at)))
	}
}

func TestWindowIsInTheZone(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := time.Date(2026, 6, 15, 12, 0, 0, 0, time.FixedZone("elsewhere", 3*3600))
	for p := quota.Minute; p <= quota.Year; p++ {
		start, end := quota.Quota{Period: p, Location: berlin}.Window(at)
		assert.Same(t, berlin, start.Location())
		assert.Same(t, berlin, end.Location())
		start, end = quota.Quota{Period: p}.Window(at)
		assert.Same(t, time.UTC, start.Location())
		assert.Same(t, time.UTC, end.Location())
	}
}

// TestWindowOfNoPeriod expects an empty window, which no store accepts.
func TestWindowOfNoPeriod(t *testing.T) {
	start, end := quota.Quota{Limit: 1}.Window(time.Now())
	assert.Equal(t, start, end)
}
