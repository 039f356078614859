package gate_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/usageplan"
)

// TestLeasesOfManyGates has eight Gates with leases use up the quota of an organisation
// that is hot in each of them. It is used up entirely and never exceeded. A soft quota
// tells that it is exceeded by what was spent, and not by what was leased.
func TestLeasesOfManyGates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, trial = 20_000, 15_000
		h := newTree(t)
		h.plan(usageplan.Plan{ID: "org", Quotas: []quota.Quota{
			{Name: "day", Limit: limit, Period: quota.Day},
			{Name: "trial", Limit: trial, Period: quota.Day, Soft: true},
		}})
		h.group("acme org")
		var gates []*gate.Gate
		for i := range 8 {
			h.member(fmt.Sprint("key-", i), "acme")
			g, err := gate.New(h.st, h.st, &distant{Counter: h.st}, gate.Config{Units: tokens, Lease: &lease.Config{}})
			require.NoError(t, err)
			gates = append(gates, g)
		}

		began := time.Now()
		var admitted, exceeded, told atomic.Int64 // exceeded and told are instants after began
		var all sync.WaitGroup
		for i := range 64 {
			g, key := gates[i%8], fmt.Sprint("key-", i%8)
			all.Go(func() {
				for time.Since(began) < 10*time.Second {
					d, err := g.Admit(t.Context(), gate.Request{KeyID: key})
					if err != nil {
						t.Error(err)
					}
					if d.Allowed && admitted.Add(1) == trial+1 {
						exceeded.Store(int64(time.Since(began)))
					}
					for range d.WouldRefuse() {
						told.CompareAndSwap(0, int64(time.Since(began)))
					}
					time.Sleep(time.Duration(1+i%7) * time.Millisecond)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, limit, admitted.Load())
		require.GreaterOrEqual(t, told.Load(), exceeded.Load())
		require.Less(t, time.Duration(told.Load()-exceeded.Load()), time.Second, "within the Life of a lease")
		for _, g := range gates {
			require.NoError(t, g.Close())
		}
		for _, name := range []string{"day", "trial"} {
			windows, err := h.gate.GroupUsageByWindow(t.Context(), "acme", name, 1)
			require.NoError(t, err)
			require.Equal(t, []int64{limit, 0}, []int64{windows[0].Used, windows[0].Leased}, name)
		}
	})
}

// TestLeasesInPartition cuts a Gate off from its Counter. It spends what it has leased,
// for at most the Life of a lease. Then the failure policy decides: a quota refuses, and
// a throttle goes on in this process. After that nothing is spent twice.
func TestLeasesInPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counter *distant
		h := newFixture(t, func(cfg *parts) {
			counter = &distant{Counter: cfg.Counter}
			cfg.Counter, cfg.Lease = counter, &lease.Config{Block: 500 * time.Millisecond}
		})
		k, quotaKey, p := h.linked(usageplan.Plan{Quotas: perDay(1_000_000)})
		_, throttleKey, _ := h.linked(usageplan.Plan{Throttle: throttle(2000, 16_000)})
		ask := func(secret apikey.Secret, d time.Duration) (admitted, failed int) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Millisecond) {
				d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
				if err != nil {
					require.ErrorIs(t, err, errBroken)
					require.Equal(t, gate.StoreFailed, d.Reason)
					failed++
				}
				if d.Allowed {
					admitted++
				}
			}
			return admitted, failed
		}
		before, failed := ask(quotaKey, 3*time.Second)
		require.Zero(t, failed)
		_, failed = ask(throttleKey, 3*time.Second)
		require.Zero(t, failed)
		warm, _ := ask(quotaKey, 3*time.Second)

		counter.down.Store(true)
		during, failed := ask(quotaKey, 3*time.Second)
		require.Positive(t, during, "what is leased is spent")
		require.LessOrEqual(t, during, 1000, "for 1s")
		require.Equal(t, 3000, during+failed, "then the quota refuses")
		local, failed := ask(throttleKey, 3*time.Second)
		require.Equal(t, 3000, local)
		require.Greater(t, failed, 1000, "a bucket of this process decides")

		counter.down.Store(false)
		after, failed := ask(quotaKey, 3*time.Second)
		require.Zero(t, failed)
		require.NoError(t, h.gate.Close())
		windows, err := h.gate.UsageByWindow(t.Context(), p.ID, k.ID, "day", 1)
		require.NoError(t, err)
		require.EqualValues(t, before+warm+during+after, windows[0].Used)
		require.Zero(t, windows[0].Leased)
	})
}
