package quota_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
)

// day returns the use of the n-th day after the first of March, with a limit of 2400.
func day(n int, used, leased int64) quota.Usage {
	start := time.Date(2026, 3, 1+n, 0, 0, 0, 0, time.UTC)
	return quota.Usage{Start: start, End: start.AddDate(0, 0, 1), Used: used, Limit: 2400, Remaining: max(0, 2400-used), Leased: leased}
}

func TestForecast(t *testing.T) {
	today := day(0, 0, 0).Start
	const hour = 3600.0
	for name, c := range map[string]struct {
		after    time.Duration // since the start of the last window
		windows  []quota.Usage
		perHour  float64
		atEnd    int64
		usedUpAt time.Duration // since the start; 0 if it is not used up
	}{
		"half used at noon: it just lasts":             {12 * time.Hour, []quota.Usage{day(0, 1200, 0)}, 100, 2400, 24 * time.Hour},
		"half used at six: used up at noon":            {6 * time.Hour, []quota.Usage{day(0, 1200, 0)}, 200, 4800, 12 * time.Hour},
		"a tenth used at noon: it lasts":               {12 * time.Hour, []quota.Usage{day(0, 240, 0)}, 20, 480, 0},
		"nothing used":                                 {12 * time.Hour, []quota.Usage{day(0, 0, 0)}, 0, 0, 0},
		"used up":                                      {6 * time.Hour, []quota.Usage{day(0, 2400, 0)}, 400, 9600, 6 * time.Hour},
		"above the limit, as after a downgrade":        {6 * time.Hour, []quota.Usage{day(0, 3000, 0)}, 500, 12000, 6 * time.Hour},
		"leased units are not spent":                   {12 * time.Hour, []quota.Usage{day(0, 2400, 1200)}, 100, 2400, 24 * time.Hour},
		"at the start a past day of 2400 says as much": {36 * time.Second, []quota.Usage{day(-1, 2400, 0), day(0, 0, 0)}, 2400.0 / 24 * 2.4 / 2.41, 2389, 0},
		"past days weigh a tenth of a day":             {144 * time.Minute, []quota.Usage{day(-2, 1200, 0), day(-1, 3600, 0), day(0, 720, 0)}, 200, 5040, 10*time.Hour + 48*time.Minute},
		"unused days before the first use do not count": {
			144 * time.Minute, []quota.Usage{day(-3, 0, 0), day(-2, 0, 0), day(-1, 2400, 0), day(0, 720, 0)}, 200, 5040, 10*time.Hour + 48*time.Minute,
		},
		"unused days after the first use count":        {144 * time.Minute, []quota.Usage{day(-2, 2400, 0), day(-1, 0, 0), day(0, 240, 0)}, 75, 1860, 0},
		"a past without use does not count":            {12 * time.Hour, []quota.Usage{day(-1, 0, 0), day(0, 1200, 0)}, 100, 2400, 24 * time.Hour},
		"no more than can be counted":                  {time.Hour, []quota.Usage{day(0, store.MaxUnits, 0)}, store.MaxUnits, store.MaxUnits, time.Hour},
		"at the start there is no pace":                {0, []quota.Usage{day(0, 5, 0)}, 0, 0, 0},
		"before the start there is none":               {-time.Hour, []quota.Usage{day(0, 5, 0)}, 0, 0, 0},
		"a window that has ended has no forecast":      {24 * time.Hour, []quota.Usage{day(0, 5, 0)}, 0, 0, 0},
		"without windows there is none":                {time.Hour, nil, 0, 0, 0},
		"a limit of zero is used up":                   {time.Hour, []quota.Usage{{Start: today, End: today.AddDate(0, 0, 1)}}, 0, 0, time.Hour},
		"leased units of others, more than were used ": {time.Hour, []quota.Usage{day(0, 5, 6)}, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := quota.Forecast(today.Add(c.after), c.windows...)
			require.InDelta(t, c.perHour, p.PerSecond*hour, 1e-6+c.perHour*1e-9)
			require.Equal(t, c.atEnd, p.AtEnd)
			if c.usedUpAt == 0 {
				require.Zero(t, p.UsedUp)
				return
			}
			require.WithinDuration(t, today.Add(c.usedUpAt), p.UsedUp, time.Microsecond)
		})
	}
}

// TestForecastHolds lets a key go on at the pace of a forecast. The allowance then is
// used up when the forecast says.
func TestForecastHolds(t *testing.T) {
	for minute := 1; minute < 24*60; minute += 7 {
		for _, used := range []int64{1, 99, 1201, 2399} {
			w := day(0, used, 0)
			at := w.Start.Add(time.Duration(minute) * time.Minute)
			p := quota.Forecast(at, w)
			end := w.End
			if !p.UsedUp.IsZero() {
				end = p.UsedUp
				require.False(t, end.Before(at) || end.After(w.End))
			}
			then := float64(used) + p.PerSecond*end.Sub(at).Seconds()
			if p.UsedUp.IsZero() {
				require.Less(t, then, 2400.0)
				require.LessOrEqual(t, math.Abs(then-float64(p.AtEnd)), 0.5)
			} else {
				require.InDelta(t, 2400, then, 1e-3)
			}
		}
	}
}

func TestForecastAllocatesNothing(t *testing.T) {
	w := day(0, 1200, 0)
	require.Zero(t, testing.AllocsPerRun(100, func() { quota.Forecast(w.Start.Add(time.Hour), w) }))
}
