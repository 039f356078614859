package store_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestWindowLast charges windows of several lengths and asks when units were last taken.
func TestWindowLast(t *testing.T) {
	const (
		second = 1_000_000
		minute = 60 * second
		day    = 24 * 60 * minute
	)
	type step struct {
		at, n int64 // at is in microseconds since the window's start
		last  int64 // Window.Last after the charge
		taken int64 // the start of that span, in seconds since the window's start
	}
	for _, test := range []struct {
		name   string
		length int64 // seconds
		max    int64
		steps  []step
	}{
		{"a day in minutes", 86400, 10, []step{
			{5 * minute, 0, 0, 0}, // a read takes nothing
			{5 * minute, -1, 0, 0},
			{5*minute - 1, 1, 5, 240},
			{5 * minute, 1, 6, 300},
			{6*minute - 1, 1, 6, 300},
			{7 * minute, 0, 6, 300},
			{8 * minute, -1, 6, 300},
			{9 * minute, 99, 6, 300}, // refused
			{9 * minute, 1, 10, 540},
			{day - 1, 1, 1440, 86340},
		}},
		{"a clock that steps back", 86400, 10, []step{
			{60 * minute, 1, 61, 3600},
			{0, 1, 61, 3600},
			{59 * minute, 1, 61, 3600},
			{60*minute + 1, 1, 61, 3600},
		}},
		{"clamped to the window", 3600, 10, []step{
			{-1, 1, 1, 0},
			{-day, 1, 1, 0},
			{math.MinInt64 / 2, 1, 1, 0},
			{60 * minute, 1, 60, 3540},
			{math.MaxInt64 / 2, 1, 60, 3540},
		}},
		{"shorter than a minute", 7, 10, []step{{6 * second, 1, 1, 0}, {8 * second, 1, 1, 0}}},
		{"the longest in minutes", store.MaxLast * 60, 10, []step{{2046 * minute, 1, 2047, 2046 * 60}, {2048 * minute, 1, 2047, 2046 * 60}}},
		{"a second longer, in spans of two minutes", store.MaxLast*60 + 1, 10, []step{{minute, 1, 1, 0}, {2046 * minute, 1, 1024, 2046 * 60}}},
		{"a month in spans of 22 minutes", 31 * 86400, 10, []step{{22*minute - 1, 1, 1, 0}, {22 * minute, 1, 2, 22 * 60}, {31*day - 1, 1, 2030, 2029 * 22 * 60}}},
		{"a year in spans of 257 minutes", 365 * 86400, 10, []step{{257*minute - 1, 1, 1, 0}, {257 * minute, 1, 2, 257 * 60}, {365*day - 1, 1, 2046, 2045 * 257 * 60}}},
		{"a leap year in spans of 258 minutes", 366 * 86400, 10, []step{{258*minute - 1, 1, 1, 0}, {258 * minute, 1, 2, 258 * 60}, {366*day - 1, 1, 2043, 2042 * 258 * 60}}},
		{"unlimited", 86400, store.Unlimited, []step{{0, 1, 1, 0}, {90 * minute, most - 1, 91, 5400}, {91 * minute, 1, 91, 5400}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, start := range []int64{0, 1_790_035_200, -86400 * 365 * 100} {
				m := store.Meter{Name: "w", Max: test.max, Start: start, End: start + test.length}
				var w store.Window
				for i, s := range test.steps {
					next, _, ok := w.Take(&m, start*second+s.at, s.n)
					require.Equal(t, s.last, next.Last, "step %d from %d", i+1, start)
					at, has := m.LastTaken(next.Last)
					require.Equal(t, s.last > 0, has)
					if has {
						require.Equal(t, start+s.taken, at.Unix(), "step %d from %d", i+1, start)
					}
					if ok {
						w = next
					}
					set, _ := w.Set(&m, start*second+s.at, 3)
					require.Equal(t, s.last, set.Last, "a set takes nothing")
				}
			}
		})
	}
}

// TestWindowLastAtTheBounds has windows as long as Check admits them, anywhere.
func TestWindowLastAtTheBounds(t *testing.T) {
	for _, bounds := range [][2]int64{{-most, most}, {-most, -most + 1}, {most - 1, most}, {0, most}, {-most, -1}, {-1, 1}} {
		m := store.Meter{Name: "w", Max: most, Start: bounds[0], End: bounds[1]}
		require.NoError(t, store.CheckMeters([]store.Meter{m}))
		last := int64(0)
		for _, at := range []int64{math.MinInt64, -1, 0, 1, 1_790_035_200_000_000, math.MaxInt64} {
			next, _, ok := store.Window{}.Take(&m, at, 1)
			require.True(t, ok)
			require.True(t, next.Last >= max(last, 1) && next.Last <= store.MaxLast, "%v at %d: %d", bounds, at, next.Last)
			last = next.Last
			taken, ok := m.LastTaken(last)
			require.True(t, ok)
			require.True(t, taken.Unix() >= m.Start && taken.Unix() < m.End, "%v at %d: %v", bounds, at, taken)
			if second := time.UnixMicro(at).Unix(); second >= m.Start && second < m.End {
				require.LessOrEqual(t, taken.Unix(), second, "%v at %d", bounds, at)
			}
		}
	}
}
