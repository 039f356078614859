package lease_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// TestFewCalls counts the calls for a hot subject, and for cold ones.
func TestFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		c := newCounter(t, s, lease.Config{})
		m := today(1 << 40)
		require.EqualValues(t, 10_000, spend(t, c, 10_000, 100*time.Microsecond, m))
		require.Less(t, s.takes.Load(), int64(250), "10,000 charges within 1s")

		before := s.takes.Load()
		for range 50 {
			spend(t, c, 1, 0, m)
			time.Sleep(100 * time.Millisecond)
		}
		require.Less(t, s.takes.Load()-before, int64(60), "a subject that is charged now and then costs no more than without leases")
	})
}

// TestRefusals floods a quota that is used up.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		c := newCounter(t, s, lease.Config{})
		m := today(100)
		require.EqualValues(t, 100, spend(t, c, 200, time.Millisecond, m), "the last units go out, too")
		before := s.takes.Load()
		require.Zero(t, spend(t, c, 30_000, 100*time.Microsecond, m))
		require.LessOrEqual(t, s.takes.Load()-before, int64(6), "3s of refusals")

		extend := store.NewCharge("hot", 5, m)
		extend.Op, extend.At = store.SetRemaining, time.Now()
		require.NoError(t, c.Take(t.Context(), extend))
		require.EqualValues(t, 5, spend(t, c, 10, 0, m), "an extension is heard at once")

		back := store.NewCharge("hot", -2, m)
		back.At = time.Now()
		require.NoError(t, c.Take(t.Context(), back))
		require.EqualValues(t, 2, spend(t, c, 10, 0, m), "so is a refund")

		other := newCounter(t, s, lease.Config{})
		extend.At = time.Now()
		require.NoError(t, other.Take(t.Context(), extend))
		require.EqualValues(t, 5, spend(t, c, 12_000, 100*time.Microsecond, m), "one of another process within 1s")
	})
}

// TestGiveBack shows when units come back.
func TestGiveBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		c := newCounter(t, s, lease.Config{})
		m := today(100_000)
		spend(t, c, 1000, 100*time.Microsecond, m)
		require.Greater(t, s.used(t, m), int64(1000), "some are leased")
		require.Greater(t, leased(t, s, m), int64(0))

		time.Sleep(time.Second)
		require.EqualValues(t, 1000, s.used(t, m), "an idle subject gives back")
		require.Zero(t, leased(t, c, m))

		spend(t, c, 1000, 100*time.Microsecond, m)
		require.NoError(t, c.Close(t.Context()))
		require.EqualValues(t, 2000, s.used(t, m), "so does Close")
		require.EqualValues(t, 10, spend(t, c, 10, 0, m), "after it, charges are exact")
		require.EqualValues(t, 2010, s.used(t, m))
	})
}

// TestCrash loses a process with what it has leased.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		gone := &shared{Counter: s}
		crashed := newCounter(t, gone, lease.Config{})
		m := today(10_000)
		m.End = m.Start + 3600 // a window that the test outlives soon
		spent := spend(t, crashed, 3000, 100*time.Microsecond, m)
		gone.broken.Store(true)

		c := newCounter(t, s, lease.Config{})
		rest := spend(t, c, 12_000, time.Millisecond, m)
		stranded := 10_000 - spent - rest
		require.GreaterOrEqual(t, stranded, int64(0))
		require.LessOrEqual(t, stranded, int64(10_000/16), "at most q")
		t.Logf("stranded %d", stranded)
		require.GreaterOrEqual(t, leased(t, c, m), stranded)

		next := m
		next.Start, next.End = m.End, m.End+3600
		time.Sleep(time.Until(time.Unix(m.End, 0)))
		require.EqualValues(t, 10_000, spend(t, c, 12_000, time.Millisecond, next), "only until the window ends")
		gone.broken.Store(false)
	})
}

// TestPlanChange cuts the limit of a hot subject.
func TestPlanChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		c := newCounter(t, s, lease.Config{})
		m := today(100_000)
		spend(t, c, 1000, 100*time.Microsecond, m)
		m.Max = 1000
		require.Zero(t, spend(t, c, 1000, 100*time.Microsecond, m), "what was leased under the old limit is not spent")
		require.EqualValues(t, 1000, s.used(t, m))
		m.Max = 1500
		require.EqualValues(t, 500, spend(t, c, 1000, 100*time.Microsecond, m))
	})
}

// TestOutage breaks the connection to the shared store.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		c := newCounter(t, s, lease.Config{})
		m := today(1_000_000)
		admitted := spend(t, c, 1000, 100*time.Microsecond, m)
		held := s.used(t, m) - admitted
		s.broken.Store(true)
		during := spend(t, c, 100, time.Millisecond, m)
		require.Greater(t, during, int64(0), "what is leased is spent")
		require.LessOrEqual(t, during, held)
		time.Sleep(2 * time.Second)
		require.Zero(t, spend(t, c, 100, time.Millisecond, m), "until it expires")

		s.broken.Store(false)
		after := spend(t, c, 1000, 100*time.Microsecond, m)
		require.EqualValues(t, 1000, after)
		require.NoError(t, c.Close(t.Context()))
		require.EqualValues(t, admitted+during+after, s.used(t, m))
	})
}

// TestLostAnswers loses the answers of the shared store for a while.
func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		c := newCounter(t, s, lease.Config{})
		m := today(2000)
		var admitted int64
		for range 20 {
			admitted += spend(t, c, 100, 100*time.Microsecond, m)
			s.mute.Store(true)
			admitted += spend(t, c, 20, 100*time.Microsecond, m)
			s.mute.Store(false)
		}
		admitted += spend(t, c, 5000, time.Millisecond, m)
		require.NoError(t, c.Close(t.Context()))
		require.LessOrEqual(t, admitted, int64(2000))
		require.LessOrEqual(t, s.used(t, m), int64(2000))
		require.GreaterOrEqual(t, s.used(t, m), admitted, "nothing is given back twice")
		t.Logf("admitted %d, used %d", admitted, s.used(t, m))
	})
}

// TestManyProcesses uses up one quota from eight processes.
func TestManyProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		m := today(20_000)
		rate := store.Meter{Name: "rate", Max: 1 << 30, Rate: store.Rate{Tokens: 1, Per: 1}}
		use := store.Meter{Name: "use", Max: store.Unlimited, Start: m.Start, End: m.End, Keep: m.Keep}
		var admitted atomic.Int64
		var all sync.WaitGroup
		counters := make([]*lease.Counter, 8)
		for i := range counters {
			counters[i] = newCounter(t, s, lease.Config{})
			all.Go(func() {
				admitted.Add(spend(t, counters[i], 6000, 300*time.Microsecond, rate, m, use))
				admitted.Add(spend(t, counters[i], 1000, 3*time.Millisecond, rate, m, use)) // for more than 1s
			})
		}
		all.Wait()
		require.EqualValues(t, 20_000, admitted.Load())
		for _, c := range counters {
			require.NoError(t, c.Close(t.Context()))
		}
		require.EqualValues(t, 20_000, s.used(t, m))
		require.EqualValues(t, 20_000, s.used(t, use), "records are charged by what was spent")
		t.Logf("%d calls", s.takes.Load())
	})
}
