package redis

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
)

// onMiniredis returns a harness of counters that each have a miniredis, whose clock the
// test moves.
func onMiniredis(open func(t testing.TB, addr string) store.Counter) storetest.Harness {
	var (
		server *miniredis.Miniredis
		now    time.Time
	)
	h := storetest.Harness{
		New: func(t testing.TB) store.Counter {
			server, now = miniredis.RunT(t), time.Now()
			server.SetTime(now)
			return open(t, server.Addr())
		},
		Advance: func(d time.Duration) {
			now = now.Add(d)
			server.SetTime(now)
			server.FastForward(d)
		},
	}
	return openedAgain(h, func(t testing.TB) store.Counter { return open(t, server.Addr()) })
}

// openedAgain returns h with a function that opens another Store over the server of the
// last one. The Store keeps nothing in its process, so another one stands for a restart
// as well as for a second process.
func openedAgain(h storetest.Harness, open func(t testing.TB) store.Counter) storetest.Harness {
	h.Reopen, h.Peer = open, open
	return h
}

// TestCounter checks the contract on miniredis, whose clock the test moves, and on a real
// server: by its own clock, by a clock that the test moves, and without the struct
// library.
func TestCounter(t *testing.T) {
	t.Parallel()
	t.Run("server=miniredis", func(t *testing.T) {
		if testing.Short() {
			t.Skip("slow")
		}
		t.Parallel()
		storetest.TestCounter(t, onMiniredis(func(t testing.TB, addr string) store.Counter {
			return newStore(t, dial(t, addr), decisionScripts)
		}))
	})
	t.Run("server=redis", func(t *testing.T) {
		t.Parallel()
		addr := redistest.Start(t)
		client := dial(t, addr)
		storetest.TestCounter(t, openedAgain(storetest.Harness{
			New:   func(t testing.TB) store.Counter { return newStore(t, flushed(t, client), decisionScripts) },
			Slack: 2 * time.Second,
		}, func(t testing.TB) store.Counter { return newStore(t, dial(t, addr), decisionScripts) }))
	})
	t.Run("server=cluster", func(t *testing.T) {
		t.Parallel()
		client := cluster(t)
		storetest.TestCounter(t, openedAgain(storetest.Harness{
			New:   func(t testing.TB) store.Counter { return newStore(t, flushed(t, client), decisionScripts) },
			Slack: 2 * time.Second,
		}, func(t testing.TB) store.Counter { return newStore(t, client, decisionScripts) }))
	})
	for name, script := range allScripts(t) {
		t.Run("server=redis,clock=moved,"+name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("the race detector has seen server=redis")
			}
			t.Parallel()
			addr := redistest.Start(t)
			client := dial(t, addr)
			clock := clock{client: client}
			storetest.TestCounter(t, openedAgain(storetest.Harness{
				New: func(t testing.TB) store.Counter {
					flushed(t, client)
					clock.set(t, time.Now())
					return newStore(t, client, withClock(t, script))
				},
				Advance: func(d time.Duration) { clock.set(t, clock.now.Add(d)) },
			}, func(t testing.TB) store.Counter { return newStore(t, dial(t, addr), withClock(t, script)) }))
		})
	}
}

// TestBatchedCounter checks that batches keep the contract of a Counter.
func TestBatchedCounter(t *testing.T) {
	t.Parallel()
	t.Run("server=miniredis", func(t *testing.T) {
		if testing.Short() {
			t.Skip("slow")
		}
		if redistest.Installed() && !longtest.ManyRounds() {
			t.Skip("the cases below check the same, several times as fast")
		}
		t.Parallel()
		storetest.TestCounter(t, onMiniredis(func(t testing.TB, addr string) store.Counter {
			return crowded{newStore(t, single(t, addr), decisionScripts), 1}
		}))
	})
	for name, scripts := range allScripts(t) {
		t.Run("server=redis,clock=moved,"+name, func(t *testing.T) {
			if testing.Short() && name == "struct=no" {
				t.Skip("slow")
			}
			t.Parallel()
			client := dial(t, redistest.Start(t))
			clock := clock{client: client}
			storetest.TestCounter(t, storetest.Harness{
				New: func(t testing.TB) store.Counter {
					flushed(t, client)
					clock.set(t, time.Now())
					return crowded{newStore(t, client, withClock(t, scripts)), 4}
				},
				Advance: func(d time.Duration) { clock.set(t, clock.now.Add(d)) },
			})
		})
	}
	t.Run("server=redis,separate", func(t *testing.T) {
		t.Parallel()
		client := dial(t, redistest.Start(t))
		storetest.TestCounter(t, storetest.Harness{
			New: func(t testing.TB) store.Counter {
				s, err := New(flushed(t, client), Config{Separate: true})
				require.NoError(t, err)
				return crowded{s, 4}
			},
			Slack: 2 * time.Second,
		})
	})
}
