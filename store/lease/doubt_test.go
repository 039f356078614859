package lease_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// overlap has two callers make calls that overlap, so that a call is always in flight,
// until an instant.
func overlap(until time.Duration, call func(caller, round int)) {
	var all sync.WaitGroup
	began := time.Now()
	for caller := range 2 {
		all.Go(func() {
			time.Sleep(time.Duration(caller) * 700 * time.Microsecond)
			for round := 0; time.Since(began) < until; round++ {
				call(caller, round)
				time.Sleep(10 * time.Microsecond)
			}
		})
	}
	all.Wait()
}

// TestHotUnderDoubt charges a subject so that no answer of the store is without doubt.
// The subject is leased all the same: a settlement finds out where it stands.
func TestHotUnderDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(2 * time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		day, calls := today(1<<40), [2]int{}
		overlap(200*time.Millisecond, func(caller, _ int) {
			calls[caller]++
			ok, err := take(c, 1, day)
			require.NoError(t, err)
			require.True(t, ok)
		})
		require.Less(t, s.takes.Load(), int64(calls[0]+calls[1])/4)
	})
}

// TestOthersUnderDoubt has another process use units of a subject that is too small to be
// leased, while no answer of the store is without doubt. Within the life of a lease this
// process knows of all of them.
func TestOthersUnderDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const byOthers, n = 3, 5 // less than one charge, so a doubt can hide it
		s := newFar(2 * time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		day, began := today(15), time.Now()
		time.AfterFunc(time.Second, func() {
			ok, err := take(s.Counter, byOthers, day)
			require.NoError(t, err)
			require.True(t, ok)
		})
		overlap(2500*time.Millisecond, func(_, round int) {
			charge := store.NewCharge("hot", int64(n-round%2*2*n), day)
			charge.At = time.Now()
			require.NoError(t, c.Take(t.Context(), charge))
			require.True(t, charge.OK)
			if time.Since(began) > 2*time.Second {
				require.EqualValues(t, byOthers, charge.Parts[0].Levels[0].Used%n)
			}
		})
	})
}

// TestSoftUnderDoubt forces units upon a soft bucket that has too few, while no answer of
// the store is without doubt. The bucket keeps what it has.
func TestSoftUnderDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, newFar(2*time.Millisecond), lease.Config{})
		m := store.Meter{Name: "rate", Max: 10, Soft: true, Rate: store.Rate{Tokens: 1, Per: 86400 * 1e6}}
		overlap(time.Second, func(_, round int) {
			charge := store.NewCharge("hot", 4, m)
			charge.At = time.Now()
			require.NoError(t, c.Take(t.Context(), charge))
			if round > 2 {
				require.EqualValues(t, 8, charge.Parts[0].Levels[0].Used)
			}
		})
	})
}

// TestNewWindowUnderDoubt begins a new window of an organisation over a far store, while
// charges of cold keys are in flight all the time. The new window is leased as well.
func TestNewWindowUnderDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, newFar(40*time.Millisecond), lease.Config{Timeout: time.Minute})
		began, own := time.Now(), today(100)
		org := func() store.Meter {
			m := second(time.Now())
			m.Max = 1 << 40
			return m
		}
		var all sync.WaitGroup
		for key := 0; time.Since(began) < 3*time.Second; key++ {
			all.Go(func() {
				require.NoError(t, c.Take(t.Context(), member(fmt.Sprint(key), own, org())))
			})
			charge := store.NewCharge("acme", 1, org())
			charge.At = time.Now()
			all.Go(func() {
				here, err := c.TakeHere(t.Context(), charge)
				require.NoError(t, err)
				if in := charge.At.Sub(began); in > 1500*time.Millisecond && in%time.Second > 500*time.Millisecond {
					require.True(t, here, in)
				}
			})
			time.Sleep(5 * time.Millisecond)
		}
		all.Wait()
	})
}
