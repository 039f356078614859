package lease_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

// leasers is the number of processes that share the bucket of TestRate.
const leasers = 8

// A rate is a bucket that processes share through leases of at most Units tokens.
type rate struct {
	burst     int64
	perSecond int64
	units     int64         // Config.Units; 0 is the default
	delay     time.Duration // of each call of the store
}

// bound returns N*q: the most by which the processes together can exceed B + R*T. By
// default a Counter leases at most a sixteenth of the bucket.
func (r *rate) bound() float64 {
	q := float64(r.burst) / 16
	if r.units > 0 {
		q = min(q, float64(r.units))
	}
	return leasers * q
}

func (r *rate) meter() store.Meter {
	return store.Meter{Name: "throttle", Max: r.burst, Rate: store.Rate{Tokens: r.perSecond, Per: 1_000_000}}
}

// An excess finds the interval in which the units admitted exceed R*T by the most.
//
// Up to an instant t, let A(t) units have been admitted. In [s, t] the units exceed R*T
// by (A(t) - R*t) - (A(s) - R*s), with A(s) before what is admitted at s. So the least
// second term up to now is all that has to be kept.
type excess struct {
	mu        sync.Mutex
	began     time.Time
	perSecond float64
	admitted  float64
	least     float64
	most      float64
	local     float64 // the units that were admitted without a wait for the store
}

// admit counts n units that are admitted now.
func (e *excess) admit(n int64, local bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	refilled := e.perSecond * time.Since(e.began).Seconds()
	e.least = min(e.least, e.admitted-refilled)
	e.admitted += float64(n)
	if local {
		e.local += float64(n)
	}
	e.most = max(e.most, e.admitted-refilled-e.least)
}

// TestRate has eight Counters share a bucket and charge it in bursts, with pauses in
// which leases are held, come back, or expire. In no interval are more than B + R*T + N*q
// units admitted. The log has the greatest excess over B + R*T that was ever seen.
func TestRate(t *testing.T) {
	t.Parallel()
	seeds := 4
	switch {
	case testing.Short():
		seeds = 2
	case os.Getenv(manyRounds) != "":
		seeds = 24
	case longtest.Enabled():
		seeds = 8
	}
	for _, r := range []rate{
		{burst: 1600, perSecond: 1000},
		{burst: 1600, perSecond: 1000, units: 10},
		{burst: 16_000, perSecond: 100, units: 500},
		{burst: 400, perSecond: 20_000},
		{burst: 1600, perSecond: 20_000},
		{burst: 1600, perSecond: 20_000, units: 30},
		{burst: 3200, perSecond: 5000, delay: 80 * time.Millisecond},
		{burst: 40, perSecond: 100},
	} {
		t.Run(fmt.Sprintf("burst=%d/rate=%d/units=%d/delay=%v", r.burst, r.perSecond, r.units, r.delay), func(t *testing.T) {
			worst, admitted, local := -float64(r.burst), 0.0, 0.0
			for seed := range seeds {
				synctest.Test(t, func(t *testing.T) {
					e := r.storm(t, uint64(seed))
					worst = max(worst, e.most-float64(r.burst))
					admitted, local = admitted+e.admitted, local+e.local
				})
			}
			t.Logf("the largest excess over B + R*T is %.1f of N*q = %.1f, %.0f units admitted, %.0f without a wait", worst, r.bound(), admitted, local)
			require.LessOrEqual(t, worst, r.bound()+1e-6)
			require.Positive(t, admitted)
		})
	}
}

// storm has every process charge in bursts for some seconds. With an even seed the bursts
// begin at the same instants. Between them the bucket fills again while leases are held,
// which is how the processes together can exceed B + R*T.
func (r *rate) storm(t *testing.T, seed uint64) *excess {
	inner := storetest.Faulty(memory.New(memory.Config{}), storetest.Fault{Delay: r.delay})
	e := &excess{began: time.Now(), perSecond: float64(r.perSecond)}
	var all sync.WaitGroup
	for i := range leasers {
		rnd, pauses := rand.New(rand.NewPCG(seed, uint64(i))), rand.New(rand.NewPCG(seed, 0))
		if seed%2 == 1 {
			pauses = rnd
		}
		all.Go(func() {
			counter, err := lease.New(inner, lease.Config{Units: r.units, Timeout: time.Second})
			require.NoError(t, err)
			for next := e.began; time.Since(e.began) < 10*time.Second; {
				r.burstOf(t.Context(), counter, rnd, e)
				next = next.Add(time.Duration(pauses.Int64N(int64(longest[pauses.IntN(len(longest))]))))
				time.Sleep(time.Until(next))
			}
			require.NoError(t, counter.Close(t.Context()))
		})
	}
	all.Wait()
	return e
}

// longest has the longest times between the beginnings of two bursts. The last one is
// longer than a lease lasts.
var longest = []time.Duration{time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond, 2 * time.Second}

// burstOf makes charges of one process, at once or spread over some time. If the store is
// far away, each charge has a caller of its own.
func (r *rate) burstOf(ctx context.Context, c store.Counter, rnd *rand.Rand, e *excess) {
	between := []time.Duration{0, 10 * time.Microsecond, time.Millisecond}[rnd.IntN(3)]
	n := 1 + rnd.Int64N(max(1, min(r.burst/64, 4)))
	charges := max(4, r.burst>>(2+2*rnd.IntN(3)))
	var callers sync.WaitGroup
	for range rnd.Int64N(charges) {
		if r.delay > 0 {
			callers.Go(func() { r.charge(ctx, c, n, e) })
		} else {
			r.charge(ctx, c, n, e)
		}
		time.Sleep(between)
	}
	callers.Wait()
}

// charge makes one charge of n units.
func (r *rate) charge(ctx context.Context, c store.Counter, n int64, e *excess) {
	charge := store.NewCharge(subject, n, r.meter())
	charge.At = time.Now()
	if err := c.Take(ctx, charge); err == nil && charge.OK {
		e.admit(n, time.Since(charge.At) == 0)
	}
}
