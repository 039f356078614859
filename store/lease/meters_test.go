package lease_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// TestRoutes charges a quota and one of many routes in turn. It counts the calls.
func TestRoutes(t *testing.T) {
	for routes, most := range map[int]int64{1: 200, 16: 600, 40: 4100, 100: 4400} {
		t.Run(fmt.Sprint(routes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFar(time.Millisecond)
				c := newCounter(t, s, lease.Config{})
				day := today(1 << 40)
				for i := range 4000 {
					route := day
					route.Name = fmt.Sprint("route-", i%routes)
					require.EqualValues(t, 1, spend(t, c, 1, 100*time.Microsecond, day, route))
				}
				t.Logf("%d calls", s.takes.Load())
				require.LessOrEqual(t, s.takes.Load(), most)
				require.NoError(t, c.Close(t.Context()))
				require.EqualValues(t, 4000, s.used(t, day))
			})
		})
	}
}

// TestWindowsEnd charges a quota of one second for some seconds. Each second has what was
// admitted in it.
func TestWindowsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(2 * time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		var admitted [5]atomic.Int64
		began := time.Now()
		sum := crowd(16, 4000, time.Millisecond, func(int, int) (bool, error) {
			m := second(time.Now())
			admitted[m.Start-began.Unix()].Add(1)
			return take(c, 1, m)
		})
		require.EqualValues(t, 16*4000, sum.admitted)
		require.NoError(t, c.Close(t.Context()))
		for i := range admitted {
			require.Equal(t, admitted[i].Load(), s.used(t, second(began.Add(time.Duration(i)*time.Second))))
		}
	})
}

// TestRecordBesideWindows charges a record, beside quotas that come and go. While they
// are settled, the record never shows more than was admitted.
func TestRecordBesideWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(2 * time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		use, began := newRecord(), time.Now()
		var admitted atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			crowd(8, 6000, 0, func(int, int) (bool, error) {
				time.Sleep(500 * time.Microsecond)
				admitted.Add(1)
				if now := time.Now(); now.Sub(began)%time.Second > 700*time.Millisecond {
					return take(c, 1, use, second(now))
				}
				return take(c, 1, use)
			})
		}()
		for going := true; going; {
			select {
			case <-done:
				going = false
			case <-time.After(500 * time.Microsecond):
			}
			require.LessOrEqual(t, s.used(t, use), admitted.Load())
		}
		require.NoError(t, c.Close(t.Context()))
		require.Equal(t, admitted.Load(), s.used(t, use))
	})
}

// TestClockBehind has callers whose clock is behind that of the Counter. Their windows
// are leased all the same.
func TestClockBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		for range 5000 {
			at := time.Now().Add(-2 * time.Minute)
			m := store.Meter{Name: "minute", Max: 1 << 40, Start: at.Unix() / 60 * 60, Keep: 24 * time.Hour}
			m.End = m.Start + 60
			charge := store.NewCharge("hot", 1, m)
			charge.At = at
			require.NoError(t, c.Take(t.Context(), charge))
			time.Sleep(200 * time.Microsecond)
		}
		require.Less(t, s.takes.Load(), int64(500))
	})
}

// TestManySubjects charges more subjects than may have leases.
func TestManySubjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(time.Millisecond)
		c := newCounter(t, s, lease.Config{Subjects: 4})
		day := today(1 << 40)
		sum := crowd(50, 100, 0, func(i, _ int) (bool, error) { return takeOf(c, fmt.Sprint("s", i), 1, day) })
		require.EqualValues(t, 50*100, sum.admitted)
		require.NoError(t, c.Close(t.Context()))
		for i := range 50 {
			require.EqualValues(t, 100, s.usedBy(t, fmt.Sprint("s", i), day))
		}
	})
}

// TestGreatCounts charges almost as many units as can be counted.
func TestGreatCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(100 * time.Millisecond)
		c := newCounter(t, s, lease.Config{Block: time.Second, Life: time.Minute, Timeout: 10 * time.Second})
		day, admitted := today(store.MaxUnits-1), int64(0)
		for _, n := range []int64{1, 1, 1, 1, 1 << 50, 1 << 50, 1 << 50, 1 << 50, 1, 1, 1, 1} {
			admitted += n * crowd(2, 1, 0, func(int, int) (bool, error) { return take(c, n, day) }).admitted
		}
		require.NoError(t, c.Close(t.Context()))
		require.Equal(t, admitted, s.used(t, day))
	})
}

// TestIdleIsQuiet has hot subjects become idle. After that there are no calls, no timer
// and no goroutine, although nobody closes the Counter.
func TestIdleIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the end of the bubble reports goroutines
		s := newFar(time.Millisecond)
		c, err := lease.New(s, lease.Config{})
		require.NoError(t, err)
		day := today(1 << 40)
		crowd(50, 50, 0, func(i, _ int) (bool, error) { return takeOf(c, fmt.Sprint("s", i), 1, day) })
		time.Sleep(3 * time.Second)
		before := s.takes.Load()
		time.Sleep(time.Hour)
		require.Equal(t, before, s.takes.Load())
	})
}
