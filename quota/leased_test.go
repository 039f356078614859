package quota_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
)

// onlyTake hides that a Counter reads many subjects in one call.
type onlyTake struct{ store.Counter }

// TestWindowsTellLeased reports a quota of which one of two processes has leased a part.
// The process that holds the lease sees what was spent. Everybody else sees how much of
// Used is leased, with leases of their own or without.
func TestWindowsTellLeased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(memory.Config{})
		busy, other := leases(t, st), leases(t, st)
		q, long := quota.Quota{Limit: 1000, Period: quota.Day}, string(make([]byte, store.MaxSubject))
		for range 10 {
			charge(t, busy, "acme", time.Now(), q, 1)
			synctest.Wait()
		}
		report := func(c store.Counter) []quota.Usage {
			windows, err := quota.Windows(t.Context(), c, time.Now(), []string{"nobody", "acme", long}, q, 2)
			require.NoError(t, err)
			assert.Equal(t, []int64{0, 0}, used(windows[0]))
			assert.Equal(t, []int64{0, 0}, used(windows[2]), "a subject without room for a count")
			return windows[1]
		}
		own := report(busy)[1]
		assert.EqualValues(t, 10, own.Used)
		assert.EqualValues(t, 990, own.Remaining)
		assert.Zero(t, own.Leased)
		for name, c := range map[string]store.Counter{"no leases": st, "leases": other, "one subject at a time": onlyTake{st}} {
			windows := report(c)
			assert.Zero(t, windows[0].Used, name)
			now := windows[1]
			assert.GreaterOrEqual(t, now.Used, int64(10), name)
			assert.Positive(t, now.Leased, name)
			assert.LessOrEqual(t, now.Used-now.Leased, int64(10), "%s: what is known to be spent", name)
			assert.Equal(t, now.Limit-now.Used, now.Remaining, name)
		}

		time.Sleep(time.Second) // idle leases are given back within their Life
		for name, c := range map[string]store.Counter{"no leases": st, "leases": other, "its own": busy} {
			now := report(c)[1]
			assert.EqualValues(t, 10, now.Used, name)
			assert.Zero(t, now.Leased, name)
			assertJSON(t, `{"start":"2000-01-01T00:00:00Z","end":"2000-01-02T00:00:00Z","used":10,"limit":1000,"remaining":990}`, now, name)
		}
	})
}

func leases(t *testing.T, c store.Counter) *lease.Counter {
	l, err := lease.New(c, lease.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close(context.WithoutCancel(t.Context()))) })
	return l
}
