package store_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// windowStep is one charge of a timeline, and its expected result. The window begins at 0
// and ends at 100 seconds.
type windowStep struct {
	at   time.Duration
	n    int64
	ok   bool
	used int64
	wait time.Duration
	max  int64 // the Max of the level; zero means the meter's own

	set   bool  // call Set, not Take
	limit int64 // the limit from here on; zero means unchanged
}

const wend = 100 * time.Second

var windowTimelines = []struct {
	name  string
	max   int64
	steps []windowStep
}{
	{"a refusal spends nothing", 10, []windowStep{
		{at: 0, n: 6, ok: true, used: 6},
		{at: time.Second, n: 5, used: 6, wait: 99 * time.Second},
		{at: time.Second, n: 11, used: 6, wait: store.Never},
		{at: time.Second, n: 4, ok: true, used: 10},
		{at: time.Second, n: 0, ok: true, used: 10},
		{at: wend - time.Microsecond, n: 1, used: 10, wait: time.Microsecond},
	}},
	{"durations are rounded up to the microsecond", 1, []windowStep{
		{at: 1500 * time.Millisecond, n: 1, ok: true, used: 1},
		{at: 1500*time.Millisecond + 1, n: 1, used: 1, wait: 98_500 * time.Millisecond},
		{at: 1500*time.Millisecond + 999, n: 1, used: 1, wait: 98_500 * time.Millisecond},
		{at: 1500*time.Millisecond + 1000, n: 1, used: 1, wait: 98_500*time.Millisecond - time.Microsecond},
		{at: wend - 1, n: 1, used: 1, wait: time.Microsecond},
	}},
	{"a window that is over can be charged, and a refusal has no wait", 2, []windowStep{
		{at: wend, n: 1, ok: true, used: 1},
		{at: wend + time.Second/2, n: 2, used: 1, wait: store.Never},
		{at: wend + time.Hour, n: 2, used: 1, wait: store.Never},
		{at: wend + time.Hour, n: -1, ok: true, used: 0},
	}},
	{"giving back stops at zero", 10, []windowStep{
		{n: -1, ok: true, used: 0},
		{n: 3, ok: true, used: 3},
		{n: -2, ok: true, used: 1},
		{n: -2, ok: true, used: 0},
		{n: 10, ok: true, used: 10},
		{n: math.MinInt64, ok: true, used: 0},
	}},
	{"the use survives a smaller and a greater limit", 10, []windowStep{
		{n: 8, ok: true, used: 8},
		{n: 1, used: 8, wait: wend, limit: 5},
		{n: -4, ok: true, used: 4},
		{n: 1, ok: true, used: 5},
		{n: 15, ok: true, used: 20, limit: 20},
	}},
	{"an extension", 10, []windowStep{
		{n: 10, ok: true, used: 10},
		{n: 5, set: true, ok: true, used: 10, max: 15},
		{n: 5, set: true, ok: true, used: 10, max: 15},
		{n: 6, used: 10, max: 15, wait: wend},
		{n: 5, ok: true, used: 15, max: 15},
		{n: -6, ok: true, used: 9, max: 15},
		{n: 11, used: 9, max: 15, wait: store.Never},
		{n: 0, ok: true, used: 9, max: 25, limit: 20},
		{n: 1, set: true, ok: true, used: 9, max: 10},
		{n: 0, ok: true, used: 9, max: -1, limit: 5}, // cut by 10, which leaves none
		{n: 1, used: 9, max: -1, wait: wend},
		{n: -99, set: true, ok: true, used: 9, max: 9},
		{n: math.MaxInt64, set: true, ok: true, used: 9, max: most},
		{n: 0, ok: true, used: 9, max: most, limit: 20}, // capped at the bound
		{n: math.MinInt64, set: true, ok: true, used: 9, max: 9},
	}},
	{"unlimited", store.Unlimited, []windowStep{
		{n: 1 << 52, ok: true, used: 1 << 52},
		{n: 7, set: true, ok: true, used: 1 << 52},
		{n: 1<<52 - 1, ok: true, used: most},
		{n: -most, ok: true, used: 0},
	}},
	{"a charge settled above the limit", 10, []windowStep{
		{n: 9, ok: true, used: 9},
		{n: 9, ok: true, used: 18, limit: store.Unlimited},
		{n: 1, used: 18, limit: 10, wait: wend},
		{n: 3, set: true, ok: true, used: 18, max: 21},
	}},
	{"huge figures", most - 1, []windowStep{
		{n: math.MaxInt64, used: 0, wait: store.Never},
		{n: most - 1, ok: true, used: most - 1},
		{n: 1, used: most - 1, wait: wend},
		{n: most, set: true, ok: true, used: most - 1, max: most},
		{n: math.MinInt64 + 1, ok: true, used: 0, max: most},
		{n: most, ok: true, used: most, max: most},
	}},
	{"no allowance", -1, []windowStep{
		{n: 1, used: 0, max: -1, wait: store.Never},
		{n: 0, ok: true, used: 0, max: -1},
		{n: 2, set: true, ok: true, used: 0, max: 2},
		{n: 2, ok: true, used: 2, max: 2},
	}},
}

// figure returns a limit of a timeline, in which a negative number stands for zero.
func figure(n int64) int64 { return max(n, 0) }

func TestWindowTimelines(t *testing.T) {
	for _, test := range windowTimelines {
		t.Run(test.name, func(t *testing.T) {
			m := store.Meter{Name: "day", Max: figure(test.max), End: int64(wend / time.Second)}
			var w store.Window
			var last int64 // the second minute of the window is its last span
			for i, s := range test.steps {
				if s.limit != 0 {
					m.Max = s.limit
				}
				require.NoError(t, store.CheckMeters([]store.Meter{m}))
				at := s.at.Microseconds()
				next, l, ok := w.Take(&m, at, s.n)
				if s.set {
					ok = true
					next, l = w.Set(&m, at, s.n)
				}
				left := max(0, (wend-s.at+time.Microsecond-1)/time.Microsecond*time.Microsecond)
				if s.ok && s.n > 0 && !s.set {
					last = max(last, min(int64(s.at/time.Minute), 1)+1)
				}
				want := store.Level{Max: m.Max, Used: s.used, Wait: s.wait, Reset: left}
				if s.max != 0 {
					want.Max = figure(s.max)
				}
				require.Equal(t, s.ok, ok, "step %d: ok", i+1)
				require.Equal(t, want, l, "step %d", i+1)
				require.Equal(t, s.used, next.Used, "step %d", i+1)
				require.Equal(t, last, next.Last, "step %d", i+1)
				if !ok {
					require.Equal(t, w, next, "step %d: refused", i+1)
				}
				w = next
			}
		})
	}
}

func TestWindowReset(t *testing.T) {
	const at = 1_790_000_000_000_000
	for _, test := range []struct {
		at, end int64
		want    time.Duration
	}{
		{at, 1_790_000_001, time.Second},
		{at, 1_790_000_000, 0},
		{at, 1_789_999_999, 0},
		{at, -5, 0},
		{at, 1_790_000_000 + 9_223_372_036, 9_223_372_036 * time.Second},
		{at, 1_790_000_000 + 9_223_372_037, store.Never},
		{at, store.MaxUnits, store.Never},
		{math.MaxInt64, 1, 0},
		{math.MaxInt64, store.MaxUnits, store.Never},
		{math.MinInt64, 1, store.Never},
		{math.MinInt64, math.MaxInt64 / 1_000_000, store.Never},
		{0, math.MaxInt64 / 1_000_000, store.Never},
	} {
		m := store.Meter{Name: "day", Max: 1, Start: -10, End: test.end}
		_, l, _ := store.Window{}.Take(&m, test.at, 0)
		require.Equal(t, test.want, l.Reset, "end %d at %d", test.end, test.at)
	}
}

func TestLevelRemaining(t *testing.T) {
	for _, test := range []struct{ max, used, want int64 }{{10, 3, 7}, {10, 10, 0}, {10, 11, 0}, {0, 0, 0}, {most, 0, most}} {
		require.Equal(t, test.want, store.Level{Max: test.max, Used: test.used}.Remaining())
	}
}
