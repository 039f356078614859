package ration_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// shared is a store that processes could share: it hides that it is in this process.
type shared struct{ *memory.Store }

func (shared) Local() bool { return false }

// TestLeases checks that one line gives leases to the Gate and to Groups, and that a key
// which moves to another organisation takes with it what it has used, and no more.
func TestLeases(t *testing.T) {
	for name, cfg := range map[string]ration.Config{
		"Lease":      {Lease: &lease.Config{}},
		"Gate.Lease": {Gate: gate.Config{Lease: &lease.Config{}}},
		"both":       {Lease: &lease.Config{}, Gate: gate.Config{Lease: &lease.Config{}}},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testLeases(t, cfg) }) })
	}
}

func testLeases(t *testing.T, cfg ration.Config) {
	st, ctx := shared{memory.New(memory.Config{})}, t.Context()
	r, err := ration.New(st, cfg)
	require.NoError(t, err)
	require.IsType(t, (*lease.Counter)(nil), r.Gate.Counter())
	plan, err := r.Plan(ctx, "each", "unlimited", "1000/day")
	require.NoError(t, err)
	for _, id := range []string{"acme", "blue"} {
		_, err = r.Groups.Put(ctx, usageplan.Group{ID: id, PlanID: plan.ID})
		require.NoError(t, err)
	}
	key, secret, err := r.Keys.Create(ctx, apikey.Key{GroupID: "acme", Enabled: true})
	require.NoError(t, err)
	require.NoError(t, r.Plans.Link(ctx, plan.ID, key.ID))
	spend := func(n int) {
		for range n {
			d, err := r.Gate.Admit(ctx, gate.Request{Secret: secret})
			require.NoError(t, err)
			require.True(t, d.Allowed)
			synctest.Wait() // for the next block
		}
	}
	used := func(windows []quota.Usage, err error) []int64 {
		require.NoError(t, err)
		return []int64{windows[0].Used, windows[0].Leased}
	}

	spend(20)
	_, err = r.Groups.MoveKey(ctx, key.ID, "blue")
	require.NoError(t, err)
	spend(10)
	time.Sleep(time.Second) // idle leases are given back
	require.NoError(t, r.Close())
	exact, err := ration.New(st, ration.Config{})
	require.NoError(t, err)
	require.Equal(t, []int64{30, 0}, used(exact.Gate.UsageByWindow(ctx, plan.ID, key.ID, "day", 1)))
	require.Equal(t, []int64{20, 0}, used(exact.Gate.GroupUsageByWindow(ctx, "acme", "day", 1)))
	require.Equal(t, []int64{10, 0}, used(exact.Gate.GroupUsageByWindow(ctx, "blue", "day", 1)))
	require.NoError(t, exact.Close())
}

// TestLeaseFaults checks that New refuses a Lease that has no use, and two that differ.
func TestLeaseFaults(t *testing.T) {
	st := memory.New(memory.Config{})
	_, err := ration.New(st, ration.Config{Lease: &lease.Config{}})
	require.ErrorContains(t, err, "lease: a Counter that is store.Local: want nil")
	_, err = ration.New(shared{st}, ration.Config{Lease: &lease.Config{}, Gate: gate.Config{Lease: &lease.Config{Units: 5}}})
	require.EqualError(t, err, "ration: gate.lease: want none, or the same as lease")
	_, err = ration.New(shared{st}, ration.Config{Lease: &lease.Config{Units: -5}})
	require.ErrorContains(t, err, "lease.units: -5: want")
}
