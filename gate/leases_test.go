package gate_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// distant is a Counter that counts its calls and hides that it is in this process. Its
// calls fail while down is set, and wait for the end of ctx while hung is set.
type distant struct {
	store.Counter
	calls atomic.Int64
	down  atomic.Bool
	hung  atomic.Bool
}

func (d *distant) Take(ctx context.Context, c *store.Charge) error {
	d.calls.Add(1)
	switch {
	case d.down.Load():
		return errors.Join(store.ErrNotTaken, errBroken)
	case d.hung.Load():
		<-ctx.Done()
		return ctx.Err()
	}
	return d.Counter.Take(ctx, c)
}

// TestLease checks that a Gate with leases decides most requests of a busy key without a
// call, that another Gate sees what it has leased, and that Close gives back the rest.
func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counter *distant
		h := newFixture(t, func(cfg *parts) {
			counter = &distant{Counter: cfg.Counter}
			cfg.Counter, cfg.Lease = counter, &lease.Config{}
		})
		k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(10_000), Throttle: throttle(1e6, 1e6)})
		spend := func(n int) {
			for range n {
				require.Equal(t, gate.Admitted, h.reason(secret))
				synctest.Wait() // for the next block
			}
		}
		spend(1000)
		require.Less(t, counter.calls.Load(), int64(100))
		report := func(g *gate.Gate) quota.Usage {
			windows, err := g.UsageByWindow(t.Context(), p.ID, k.ID, "day", 1)
			require.NoError(t, err)
			return windows[0]
		}
		other, err := gate.New(h.st, h.st, h.st, gate.Config{})
		require.NoError(t, err)
		require.EqualValues(t, 1000, report(h.gate).Used)
		require.Zero(t, report(h.gate).Leased)
		require.Positive(t, report(other).Leased)
		require.Greater(t, report(other).Used, int64(1000))

		counter.down.Store(true)
		require.ErrorIs(t, h.gate.Close(), errBroken)
		counter.down.Store(false)
		require.NoError(t, h.gate.Close(), "once more")
		require.EqualValues(t, 1000, report(other).Used)
		require.Zero(t, report(other).Leased)

		before := counter.calls.Load()
		spend(10)
		require.EqualValues(t, 10, counter.calls.Load()-before, "a closed Gate decides exactly")
		require.NoError(t, h.gate.Close())
	})
}

// TestCloseEnds checks that Close does not wait for a Counter that answers nothing.
func TestCloseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counter *distant
		h := newFixture(t, func(cfg *parts) {
			counter = &distant{Counter: cfg.Counter}
			cfg.Counter, cfg.Lease = counter, &lease.Config{Timeout: time.Hour}
		})
		_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10_000)})
		for range 10 {
			require.Equal(t, gate.Admitted, h.reason(secret))
			synctest.Wait()
		}
		counter.hung.Store(true)
		began := time.Now()
		require.ErrorIs(t, h.gate.Close(), context.DeadlineExceeded)
		require.Equal(t, 10*time.Second, time.Since(began))
		counter.hung.Store(false)
	})
}

// TestLeaseFaults checks that New refuses a Lease that has a fault or no use.
func TestLeaseFaults(t *testing.T) {
	st := memory.New(memory.Config{})
	_, err := gate.New(st, st, &distant{Counter: st}, gate.Config{Lease: &lease.Config{Block: -1, Subjects: -1}})
	require.ErrorIs(t, err, gate.ErrInvalid)
	require.ErrorIs(t, err, lease.ErrInvalid)
	require.EqualError(t, err, "gate: invalid config: lease.block: -1ns: want 1ms to 1s, or 0 for 10ms\n"+
		"lease.subjects: -1: want 1 to 16777216, or 0 for 10,000")

	leases, err := lease.New(&distant{Counter: st}, lease.Config{})
	require.NoError(t, err)
	for name, c := range map[string]store.Counter{"memory": st, "leases": leases} {
		_, err = gate.New(st, st, c, gate.Config{Lease: &lease.Config{}})
		require.EqualError(t, err, "gate: invalid config: lease: a Counter that is store.Local: want nil, since it gains nothing by leases", name)
	}
	_, err = gate.New(st, st, nil, gate.Config{Lease: &lease.Config{}})
	require.ErrorContains(t, err, "counter: nil")
}

// TestCounter checks that Counter returns what the Gate charges.
func TestCounter(t *testing.T) {
	st := &distant{Counter: memory.New(memory.Config{})}
	exact, err := gate.New(newFixture(t).st, newFixture(t).st, st, gate.Config{})
	require.NoError(t, err)
	require.Same(t, st, exact.Counter())
	leasing, err := gate.New(newFixture(t).st, newFixture(t).st, st, gate.Config{Lease: &lease.Config{}})
	require.NoError(t, err)
	require.IsType(t, (*lease.Counter)(nil), leasing.Counter())
	require.NoError(t, leasing.Close())
}
