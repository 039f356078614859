package quota_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
)

// tiles checks that the window of at and its neighbours tile time: each instant is in
// exactly one window.
func tiles(q quota.Quota, at time.Time) error {
	start, end := q.Window(at)
	if at.Before(start) || !at.Before(end) {
		return fmt.Errorf("%v: %v is not in its window %v to %v", q, at, start, end)
	}
	for _, in := range []time.Time{start, end.Add(-1)} {
		if s, e := q.Window(in); !s.Equal(start) || !e.Equal(end) {
			return fmt.Errorf("%v: %v is in %v to %v, and in %v to %v", q, in, start, end, s, e)
		}
	}
	if s, e := q.Window(start.Add(-1)); !e.Equal(start) {
		return fmt.Errorf("%v: after %v to %v comes %v to %v", q, s, e, start, end)
	}
	if s, e := q.Window(end); !s.Equal(end) {
		return fmt.Errorf("%v: after %v to %v comes %v to %v", q, start, end, s, e)
	}
	if start.Nanosecond() != 0 || end.Nanosecond() != 0 {
		return fmt.Errorf("%v: %v to %v are no whole seconds", q, start, end)
	}
	if short := map[quota.Period]time.Duration{quota.Minute: time.Minute, quota.Hour: time.Hour}[q.Period]; short > 0 {
		_, before := start.Add(-1).Zone()
		_, offset := start.Zone()
		wall := time.Duration(start.Unix()+int64(offset)) * time.Second
		if end.Sub(start) > short || wall%short != 0 && before == offset {
			return fmt.Errorf("%v: %v to %v", q, start, end)
		}
	}
	return nil
}

// TestWindowsTile400Years checks, in UTC and for every StartDay, every window of 400
// years, after which the calendar repeats.
func TestWindowsTile400Years(t *testing.T) {
	first, last := time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	var quotas []quota.Quota
	for day := range 7 {
		quotas = append(quotas, quota.Quota{Period: quota.Week, StartDay: day})
	}
	for day := range 32 {
		quotas = append(quotas, quota.Quota{Period: quota.Month, StartDay: day})
	}
	quotas = append(quotas, quota.Quota{Period: quota.Day}, quota.Quota{Period: quota.Year})
	for _, q := range quotas {
		for at, windows := first, 0; at.Before(last); windows++ {
			start, end := q.Window(at)
			if windows > 0 && !start.Equal(at) || !end.After(at) || !isAnchor(q, start) {
				t.Fatalf("%v: window of %v: %v to %v", q, at, start, end)
			}
			at = end
		}
	}
}

// isAnchor reports whether a window in UTC may start at an instant. It does not share
// code with package quota.
func isAnchor(q quota.Quota, start time.Time) bool {
	midnight := start.Equal(time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, time.UTC))
	isLast := start.AddDate(0, 0, 1).Day() == 1
	switch q.Period {
	case quota.Week:
		return midnight && int(start.Weekday()) == q.StartDay
	case quota.Month:
		day := max(q.StartDay, 1)
		return midnight && (start.Day() == day || isLast && start.Day() < day)
	case quota.Year:
		return midnight && start.YearDay() == 1
	}
	return midnight
}

// oddZones are zones whose clocks have been changed in every known way.
var oddZones = []string{
	"UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Havana", "America/Sao_Paulo",
	"America/Asuncion", "America/Sitka", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Asia/Manila", "Asia/Pyongyang",
	"Africa/Monrovia", "Africa/Casablanca", "Africa/Cairo", "Australia/Lord_Howe", "Australia/Adelaide", "Antarctica/Troll",
	"Pacific/Apia", "Pacific/Kwajalein", "Pacific/Kiritimati", "Atlantic/Azores",
}

// changes returns every instant from 1840 to 2240 at which a zone's offset changes. It
// searches for them and does not use ZoneBounds.
func changes(loc *time.Location) (at []time.Time) {
	offset := func(unix int64) int {
		_, seconds := time.Unix(unix, 0).In(loc).Zone()
		return seconds
	}
	const step = 6 * 3600
	from, to := time.Date(1840, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2240, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for unix := from; unix < to; unix += step {
		low, high := unix, unix+step
		if offset(low) == offset(high) {
			continue
		}
		for high-low > 1 {
			if middle := (low + high) / 2; offset(middle) == offset(low) {
				low = middle
			} else {
				high = middle
			}
		}
		at = append(at, time.Unix(high, 0).In(loc))
	}
	return at
}

// TestWindowsTileInZones checks windows around every clock change, around every turn of
// the year, and at random instants.
func TestWindowsTileInZones(t *testing.T) {
	zones := oddZones
	if testing.Short() {
		zones = zones[:3]
	}
	for _, name := range zones {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loc, random := zone(t, name), rand.New(rand.NewPCG(5, 6))
			moments := changes(loc)
			for year := 1840; year < 2240; year += 4 { // leap years, except for three
				moments = append(moments, time.Date(year, 12, 31, 12, 0, 0, 0, loc), time.Date(year+1, 1, 1, 0, 0, 0, 0, loc))
			}
			for range 200 {
				moments = append(moments, time.Unix(random.Int64N(400*365*86400)-130*365*86400, random.Int64N(1e9)))
			}
			for _, moment := range moments {
				for _, near := range []time.Duration{0, -1, -time.Minute, -time.Hour, -time.Duration(random.Int64N(48 * int64(time.Hour))),
					time.Minute, time.Duration(random.Int64N(48 * int64(time.Hour)))} {
					q := quota.Quota{Limit: 1, Period: quota.Period(1 + random.IntN(6)), Location: loc}
					switch q.Period {
					case quota.Week:
						q.StartDay = random.IntN(7)
					case quota.Month:
						q.StartDay = random.IntN(32)
					}
					require.NoError(t, tiles(q, moment.Add(near)))
				}
			}
		})
	}
}

// TestDayStartsAtFirstInstantOfDate checks the definition of a day around every clock
// change: a day starts at the first instant at which clocks show its date or a later one,
// and before that they show an earlier date. It looks at every minute of three hours,
// then at every hour.
func TestDayStartsAtFirstInstantOfDate(t *testing.T) {
	number := func(t time.Time) int { return t.Year()*10_000 + int(t.Month())*100 + t.Day() }
	zones := []string{"Pacific/Apia", "America/St_Johns", "America/Sao_Paulo", "America/Sitka", "Australia/Lord_Howe"}
	if testing.Short() {
		zones = zones[:1]
	}
	for _, name := range zones {
		loc := zone(t, name)
		for _, change := range changes(loc) {
			start, end := quota.Quota{Period: quota.Day, Location: loc}.Window(change)
			for _, edge := range []time.Time{start, end} {
				date := number(edge)
				for before, step := time.Second, time.Minute; before < 30*time.Hour; before += step {
					if before > 3*time.Hour {
						step = time.Hour
					}
					if shown := edge.Add(-before); number(shown) >= date {
						t.Fatalf("%s: the day of %v starts at %v, but clocks showed %v", name, change, edge, shown)
					}
				}
			}
		}
	}
}

func FuzzWindow(f *testing.F) {
	for _, c := range windows {
		q, err := quota.Parse(c.quota)
		require.NoError(f, err)
		at := instant(f, c.at)
		f.Add(at.Unix(), int64(at.Nanosecond()), uint8(q.Period), q.StartDay, uint8(len(c.quota)))
	}
	zones := make([]*time.Location, len(oddZones))
	for i, name := range oddZones {
		zones[i] = zone(f, name)
	}
	const earliest, latest = -60_000_000_000, 250_000_000_000 // the years 68 to 9892
	f.Fuzz(func(t *testing.T, unix, nanosecond int64, period uint8, startDay int, place uint8) {
		q := quota.Quota{Period: quota.Period(period), StartDay: startDay, Location: zones[int(place)%len(zones)]}
		if unix < earliest || unix > latest || q.Validate() != nil {
			t.Skip()
		}
		require.NoError(t, tiles(q, time.Unix(unix, nanosecond%1e9)))
	})
}
