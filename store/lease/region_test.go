package lease_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

// region has callers charge a hot key of a store that is 80ms away.
type region struct {
	inner    *storetest.FaultyCounter
	counter  *lease.Counter
	began    time.Time
	admitted atomic.Int64
	waited   atomic.Int64 // charges that took any time
	late     atomic.Int64 // those of them that began after 2s
}

func newRegion(t testing.TB, shared store.Counter) *region {
	inner := storetest.Faulty(shared, storetest.Fault{Delay: 80 * time.Millisecond})
	return &region{inner: inner, counter: newCounter(t, inner, lease.Config{Timeout: time.Second}), began: time.Now()}
}

// ask has 20 callers make one charge each millisecond, for d.
func (r *region) ask(t testing.TB, d time.Duration, m store.Meter) {
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Millisecond) {
				charge := store.NewCharge("hot", 1, m)
				charge.At = time.Now()
				if err := r.counter.Take(context.Background(), charge); !errors.Is(err, store.ErrNotTaken) {
					require.NoError(t, err)
				}
				if charge.OK {
					r.admitted.Add(1)
				}
				if time.Since(charge.At) > 0 {
					r.waited.Add(1)
					if charge.At.Sub(r.began) > 2*time.Second {
						r.late.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
}

// TestFarRegion charges a hot key of a store that is far away. Its decisions are local.
func TestFarRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(t, memory.New(memory.Config{}))
		r.ask(t, 5*time.Second, today(5_000_000))
		require.Greater(t, r.admitted.Load(), int64(60_000))
		require.Less(t, r.late.Load(), r.admitted.Load()/1000, "charges that waited although the key was hot")
		require.Less(t, r.inner.Takes(), int64(500))
		t.Logf("%d admitted, %d waited, %d calls", r.admitted.Load(), r.waited.Load(), r.inner.Takes())
	})
}

// TestFarRegions uses up one quota from three regions.
func TestFarRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newShared()
		m := today(60_000)
		near := &region{counter: newCounter(t, shared, lease.Config{}), began: time.Now()}
		regions := []*region{near, newRegion(t, shared), newRegion(t, shared)}
		var all sync.WaitGroup
		for _, r := range regions {
			all.Go(func() { r.ask(t, 30*time.Second, m) })
		}
		all.Wait()
		var admitted int64
		for i, r := range regions {
			t.Logf("region %d: %d admitted", i, r.admitted.Load())
			admitted += r.admitted.Load()
			require.NoError(t, r.counter.Close(t.Context()))
		}
		require.LessOrEqual(t, admitted, int64(60_000))
		require.EqualValues(t, admitted, shared.used(t, m))
		require.Greater(t, admitted, int64(60_000*999/1000))
	})
}
