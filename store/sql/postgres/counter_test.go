package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
)

// TestCounter checks the contract by the clock of the server, and by one that the test
// moves. With the latter, each charge shares a transaction with others.
func TestCounter(t *testing.T) {
	t.Parallel()
	t.Run("clock=server", func(t *testing.T) {
		t.Parallel()
		s := migrated(t)
		storetest.TestCounter(t, harness(t, s, storetest.Harness{Slack: 2 * time.Second}))
	})
	t.Run("clock=moved,crowded", func(t *testing.T) {
		t.Parallel()
		s := migrated(t)
		clock := clock{store: s}
		h := harness(t, s, storetest.Harness{
			Advance: func(d time.Duration) { clock.set(t, clock.now.Add(d)) },
		})
		h.New = func(t testing.TB) store.Counter {
			clock.set(t, time.Now())
			return crowded{emptied(t, s)}
		}
		storetest.TestCounter(t, h)
	})
}

// harness returns h with functions that open the database of s again. A Store keeps
// nothing in its process, so another one stands for a restart as well as for a second
// process.
func harness(t testing.TB, s *Store, h storetest.Harness) storetest.Harness {
	h.New = func(t testing.TB) store.Counter { return emptied(t, s) }
	h.Reopen = func(testing.TB) store.Counter { return open(t, s.pool) }
	h.Peer = h.Reopen
	return h
}

// crowded is a Store whose charges each share a transaction with others.
type crowded struct{ *Store }

func (c crowded) Take(ctx context.Context, charge *store.Charge) error {
	if charge.Op == store.Move || charge.Check() != nil || ctx.Err() != nil {
		return c.Store.Take(ctx, charge)
	}
	others := [2]*store.Charge{
		store.NewCharge("other before", 1, bucket(1<<40, store.Rate{Tokens: 1, Per: 1}), window("quota", store.Unlimited)),
		store.NewCharge("other after", 1, bucket(0, store.Rate{}), window("quota", 1)),
	}
	var errs [3]error
	c.takeBatch(ctx, []*store.Charge{others[0], charge, others[1]}, errs[:])
	return errs[1]
}
