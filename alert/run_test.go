package alert_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestQueue fills the queue. Decisions go on, and what found no room fires later.
func TestQueue(t *testing.T) {
	s := newService(t)
	s.key("a", plan("p", "10 tokens/day as day"))
	s.key("b", plan("p", "10 tokens/day as day"))
	p := s.process(alert.Config{Queue: 2})
	p.spend("a", 10)
	p.spend("b", 5)
	require.Equal(t, alert.Stats{Fired: 2, Queued: 2, Dropped: 2, Windows: 1}, p.alerts.Stats())
	require.Equal(t, 1, strings.Count(p.log.String(), "the queue of the alerts is full"), p.log)

	require.Equal(t, "key a day 50%: 10/10; key a day 80%: 10/10", p.said())
	p.spend("a", 0)
	p.spend("b", 0)
	require.Equal(t, "key a day 100%: 10/10; key b day 50%: 5/10", p.said())
	p.spend("a", 0)
	p.spend("b", 0)
	require.Empty(t, p.said())
	require.Equal(t, alert.Stats{Fired: 4, Delivered: 4, Dropped: 2, Windows: 2}, p.alerts.Stats())

	p.spend("b", 5)
	p.spend("b", 0)
	require.Equal(t, "key b day 80%: 10/10; key b day 100%: 10/10", p.said())
	require.Equal(t, 1, strings.Count(p.log.String(), "the queue of the alerts is full"), "once until it is empty again")
	for _, id := range []string{"c", "d"} {
		s.key(id, plan("p", "10 tokens/day as day"))
		p.spend(id, 10)
	}
	require.Equal(t, 2, strings.Count(p.log.String(), "the queue of the alerts is full"), p.log)
}

// TestHangingCallback checks that decisions do not wait for a callback that hangs.
func TestHangingCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.key("a", plan("p", "100 tokens/day as day"))
		free, called := make(chan bool), 0
		alerts := must(alert.New(func(context.Context, alert.Event) {
			called++
			<-free
		}, alert.Config{Thresholds: []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, Queue: 3}))
		p := s.process(alert.Config{}, func(cfg *gate.Config, _ *store.Counter) { cfg.Observer = alerts })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- alerts.Run(ctx) }()
		synctest.Wait()
		began := time.Now()
		for range 100 {
			p.spend("a", 1)
			synctest.Wait()
		}
		require.Zero(t, time.Since(began), "of the bubble's clock: nothing has waited")
		require.Equal(t, 1, called)
		require.Equal(t, alert.Stats{Fired: 4, Queued: 3, Dropped: 96, Windows: 1, Running: true}, alerts.Stats())
		close(free)
		synctest.Wait()
		p.spend("a", 0)
		synctest.Wait()
		p.spend("a", 0)
		synctest.Wait()
		require.Equal(t, 10, called, "all thresholds")
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.False(t, alerts.Stats().Running)
	})
}

// TestDrain ends a Run while Events are queued.
func TestDrain(t *testing.T) {
	for name, c := range map[string]struct {
		drain time.Duration
		takes time.Duration // a delivery
		want  int
		err   string
	}{
		"all":            {0, time.Second, 3, ""},
		"what can be":    {0, 3 * time.Second, 2, "1 events are not delivered"},
		"none":           {-1, time.Second, 0, "3 events are not delivered"},
		"a longer drain": {time.Minute, 3 * time.Second, 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				s.key("a", plan("p", "10 tokens/day as day"))
				called := 0
				alerts := must(alert.New(func(ctx context.Context, _ alert.Event) {
					require.NoError(t, ctx.Err(), "the context of a delivery lasts")
					time.Sleep(c.takes)
					called++
				}, alert.Config{Drain: c.drain}))
				p := s.process(alert.Config{}, func(cfg *gate.Config, _ *store.Counter) { cfg.Observer = alerts })
				p.spend("a", 10)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				began := time.Now()
				err := alerts.Run(ctx)
				require.Equal(t, time.Duration(c.want)*c.takes, time.Since(began))
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorContains(t, err, c.err)
				require.Equal(t, c.want, called)
				require.Equal(t, 3-c.want, alerts.Stats().Queued)
			})
		})
	}
}

// TestDeliveryOutlastsRun ends a Run in the middle of a delivery. The delivery has the
// time of the Drain, and then its context is done.
func TestDeliveryOutlastsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.key("a", plan("p", "10 tokens/day as day"))
		ctx, cancel := context.WithCancel(t.Context())
		var lasted time.Duration
		alerts := must(alert.New(func(within context.Context, _ alert.Event) {
			began := time.Now()
			cancel()
			<-within.Done()
			lasted = time.Since(began)
		}, alert.Config{Drain: 7 * time.Second}))
		p := s.process(alert.Config{}, func(cfg *gate.Config, _ *store.Counter) { cfg.Observer = alerts })
		p.spend("a", 5)
		require.ErrorIs(t, alerts.Run(ctx), context.Canceled)
		require.Equal(t, 7*time.Second, lasted)
	})
}

// TestNotRunningIsCounted checks that Stats count Events that nobody waits for, also
// without a Logger.
func TestNotRunningIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.key("a", plan("p", "10 tokens/minute as minute"))
		alerts := must(alert.New(func(context.Context, alert.Event) {}, alert.Config{Thresholds: []int{100}}))
		p := s.process(alert.Config{}, func(cfg *gate.Config, _ *store.Counter) { cfg.Observer = alerts })
		idle := func(after time.Duration) int64 {
			time.Sleep(after)
			p.spend("a", 10)
			synctest.Wait()
			return alerts.Stats().Idle
		}
		require.Zero(t, idle(9*time.Second), "a Run may begin in a moment")
		require.EqualValues(t, 1, idle(time.Minute))
		require.EqualValues(t, 2, idle(time.Minute))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- alerts.Run(ctx) }()
		synctest.Wait()
		require.EqualValues(t, 2, idle(time.Minute))
		cancel()
		<-done
		require.EqualValues(t, 3, idle(time.Minute))
	})
}

// TestNotRunning checks that a service without a Run is told, once.
func TestNotRunning(t *testing.T) {
	const warning = "Run of the alerts is not running"
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.key("a", plan("p", "10 tokens/minute as minute"))
		p := s.process(alert.Config{Thresholds: []int{100}})
		fire := func() { // in another minute
			time.Sleep(time.Minute)
			p.spend("a", 10)
		}
		p.spend("a", 10)
		require.NotContains(t, p.log.String(), warning, "it may start in a moment")
		for range 3 {
			fire()
		}
		require.Equal(t, 1, strings.Count(p.log.String(), warning), p.log)
		require.NotEmpty(t, p.deliver())
		p.spend("a", 10)
		require.Equal(t, 1, strings.Count(p.log.String(), warning), p.log)
		fire()
		require.Equal(t, 2, strings.Count(p.log.String(), warning), "it has stopped again")

		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = p.alerts.Run(ctx) })
		synctest.Wait()
		for range 3 {
			fire()
		}
		require.Equal(t, 2, strings.Count(p.log.String(), warning))
		cancel()
		wg.Wait()
	})
}

// TestFewWindows has room for two windows. In a third one only the decision that crosses
// a threshold fires it. Windows that have ended make room.
func TestFewWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		for _, id := range []string{"a", "b", "c"} {
			s.key(id, plan("p", "10 tokens/day as day"))
		}
		p := s.process(alert.Config{MaxWindows: 2})
		p.spend("a", 5)
		p.spend("b", 5)
		require.Equal(t, "key a day 50%: 5/10; key b day 50%: 5/10", p.said())
		p.spend("c", 5)
		require.Equal(t, "key c day 50%: 5/10", p.said())
		for range 3 {
			p.spend("c", 0)
			require.Empty(t, p.said())
		}
		p.spend("c", 4)
		require.Equal(t, "key c day 80%: 9/10", p.said())
		p.spend("c", 9)
		p.spend("a", 5)
		require.Equal(t, "key a day 80%: 10/10; key a day 100%: 10/10", p.said())
		require.Equal(t, alert.Stats{Fired: 6, Delivered: 6, Windows: 2, Untracked: 6}, p.alerts.Stats())

		time.Sleep(24 * time.Hour)
		for _, id := range []string{"c", "b"} {
			p.spend(id, 5)
			require.Equal(t, "key "+id+" day 50%: 5/10", p.said())
		}
		require.Equal(t, 2, p.alerts.Stats().Windows)
		require.EqualValues(t, 6, p.alerts.Stats().Untracked)
	})
}

// TestCorrectionsOfFewWindows has room for one window. In another one a settlement fires
// the thresholds that it crosses, though no later decision does. A refund fires nothing.
func TestCorrectionsOfFewWindows(t *testing.T) {
	s, ctx := newService(t), t.Context()
	for _, id := range []string{"a", "b"} {
		s.key(id, plan("p", "10 tokens/day as day", "4/day as requests"))
	}
	p := s.process(alert.Config{MaxWindows: 1})
	p.spend("a", 5)
	require.Equal(t, "key a day 50%: 5/10", p.said())

	d := p.spend("b", 3)
	require.Empty(t, p.said())
	other := p.spend("b", 1)
	require.Equal(t, "key b requests 50%: 2/4", p.said())
	require.NoError(t, p.Settle(ctx, d, usageplan.Costs{8}))
	require.Equal(t, "key b day 50%: 9/10; key b day 80%: 9/10", p.said(), "5 units more, of which the first reaches 50%")

	large := p.spend("b", 1)
	require.Equal(t, "key b day 100%: 10/10", p.said())
	require.NoError(t, p.Refund(ctx, other))
	require.NoError(t, p.Settle(ctx, large, usageplan.Costs{0}))
	require.Empty(t, p.said(), "less is used than before")
}
