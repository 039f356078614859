package guess

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLimiter is a timeline of one client, with a burst of 3 and 10s for each failure.
func TestLimiter(t *testing.T) {
	l := New(10*time.Second, 3)
	for _, step := range []struct {
		at   time.Duration // in seconds
		fail bool
		want time.Duration // the wait afterwards
	}{
		{0, false, 0},
		{0, true, 0},
		{0, true, 0},
		{0, true, 10},
		{4, false, 6},
		{4, true, 16}, // it was under way
		{19, false, 1},
		{20, false, 0},
		{20, true, 10},
		{29, false, 1},
		{30, false, 0},
		{200, true, 0}, // the bucket is full, and not more than full
		{200, true, 0},
		{200, true, 10},
	} {
		now := l.began.Add(step.at * time.Second)
		if step.fail {
			require.Equal(t, step.want > 0, l.Fail("client", now), "%+v", step)
		}
		require.Equal(t, step.want*time.Second, l.Wait("client", now), "%+v", step)
		require.Zero(t, l.Wait("other", now))
	}
	require.True(t, l.Active())
	require.Zero(t, l.Wait("anybody", l.began.Add(211*time.Second)))
	require.False(t, l.Active())
}

// TestLongRun has clients ask at random, many at once, and count only those failures that
// were admitted. Over any time a client fails at most burst + rate*time, and what was
// under way at once.
func TestLongRun(t *testing.T) {
	const burst, atOnce = 20, 16
	l := New(time.Second, burst)
	random, failed := rand.New(rand.NewPCG(1, 2)), 0
	now := l.began
	for now.Sub(l.began) < time.Hour {
		now = now.Add(time.Duration(random.Int64N(int64(100 * time.Millisecond))))
		if l.Wait("client", now) > 0 {
			continue
		}
		for range 1 + random.IntN(atOnce) {
			l.Fail("client", now)
			failed++
		}
		require.LessOrEqual(t, failed, burst+atOnce+int(now.Sub(l.began)/time.Second))
	}
	require.Greater(t, failed, 3500)
}

// TestWaitIsBounded has very many failures at once, as of many requests under way.
func TestWaitIsBounded(t *testing.T) {
	l := New(time.Second, 60)
	for range 10_000 {
		l.Fail("client", l.began)
	}
	require.Equal(t, 61*time.Second, l.Wait("client", l.began))
}

// TestClientsAreBounded floods a Limiter with clients. The one that waits is not
// forgotten.
func TestClientsAreBounded(t *testing.T) {
	l := New(time.Second, 10)
	for range 10 {
		l.Fail("guesses", l.began)
	}
	for i := range 4 * MaxClients {
		l.Fail(fmt.Sprint(i), l.began)
	}
	require.Equal(t, MaxClients, l.Clients())
	require.Equal(t, time.Second, l.Wait("guesses", l.began))
}

// TestAtOnce uses a Limiter from several goroutines.
func TestAtOnce(t *testing.T) {
	l := New(time.Second, 100)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				l.Fail("client", l.began)
				l.Wait("client", l.began)
				l.Active()
			}
		})
	}
	wg.Wait()
	require.Equal(t, time.Second, l.Wait("client", l.began))
}
