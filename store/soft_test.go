package store_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestSoftWindows has windows that count on above their limit.
func TestSoftWindows(t *testing.T) {
	type step struct {
		n    int64
		used int64
		wait time.Duration
	}
	for name, test := range map[string]struct {
		max   int64
		steps []step
	}{
		"above its limit": {10, []step{
			{10, 10, 0}, {1, 11, wend}, {10, 21, wend}, {11, 32, store.Never}, {-30, 2, 0}, {8, 10, 0}, {0, 10, 0},
		}},
		"nothing is allowed": {0, []step{{1, 1, store.Never}, {0, 1, 0}, {-5, 0, 0}}},
		"saturated": {10, []step{
			{most - 1, most - 1, store.Never}, {5, most, wend}, {math.MaxInt64, most, store.Never}, {-1, most - 1, 0}, {math.MinInt64, 0, 0},
		}},
		"an unlimited one saturated": {store.Unlimited, []step{{most, most, 0}, {1, most, wend}, {math.MaxInt64, most, store.Never}, {-most, 0, 0}}},
	} {
		m := store.Meter{Name: "soft", Max: test.max, End: int64(wend / time.Second), Soft: true}
		hard := m
		hard.Soft = false
		var w store.Window
		for i, s := range test.steps {
			next, l, ok := w.Take(&m, 0, s.n)
			require.True(t, ok, "%s: step %d", name, i+1)
			require.Equal(t, s.used, next.Used, "%s: step %d", name, i+1)
			require.Equal(t, s.used, l.Used, "%s: step %d", name, i+1)
			require.Equal(t, s.wait, l.Wait, "%s: step %d", name, i+1)
			_, refused, _ := w.Take(&hard, 0, s.n)
			require.Equal(t, refused.Wait, l.Wait, "%s: step %d: the Wait of a hard window", name, i+1)
			w = next
		}
	}
}

// TestSoftBuckets has buckets that keep what they hold if they have too few.
func TestSoftBuckets(t *testing.T) {
	type step struct {
		at, n  int64
		tokens int64
		wait   int64
	}
	for name, test := range map[string]struct {
		m     store.Meter
		steps []step
	}{
		"too few": {bucket(10, perSecond), []step{
			{0, 7, 3, 0}, {0, 4, 3, sec}, {0, 11, 3, never}, {500 * ms, 4, 3, 500 * ms}, {sec, 4, 0, 0}, {sec, -2, 2, 0},
		}},
		"none at all":  {bucket(0, none), []step{{0, 1, 0, never}, {sec, 0, 0, 0}}},
		"no refill":    {bucket(2, none), []step{{0, 2, 0, 0}, {day, 1, 0, never}}},
		"a clock back": {bucket(1, perSecond), []step{{10 * sec, 1, 0, 0}, {0, 1, 0, 11 * sec}}},
		"huge":         {bucket(10, perSecond), []step{{0, math.MaxInt64, 10, never}, {0, math.MinInt64, 10, 0}}},
	} {
		m := test.m
		m.Soft = true
		var b store.Bucket
		for i, s := range test.steps {
			next, l, ok := b.Take(&m, epoch+s.at, s.n)
			require.True(t, ok, "%s: step %d", name, i+1)
			require.Equal(t, s.tokens, next.Tokens, "%s: step %d", name, i+1)
			require.Equal(t, m.Max-s.tokens, l.Used, "%s: step %d", name, i+1)
			want := time.Duration(s.wait) * time.Microsecond
			if s.wait == never {
				want = store.Never
			}
			require.Equal(t, want, l.Wait, "%s: step %d", name, i+1)
			hard, refused, fits := b.Take(&test.m, epoch+s.at, s.n)
			require.Equal(t, refused.Wait, l.Wait)
			require.Equal(t, fits, l.Wait == 0)
			require.Equal(t, hard, next, "%s: step %d: what a hard bucket holds", name, i+1)
			b = next
		}
	}
}
