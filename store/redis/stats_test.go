package redis

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
)

// TestListenerState checks since when a Run has been subscribed, and when it heard of a
// change: before the Run, in it, after a break, and after it.
func TestListenerState(t *testing.T) {
	p := newProxy(t, redistest.Start(t))
	s, err := Open("redis://"+p.addr, Config{})
	require.NoError(t, err)
	defer s.Close()
	require.Zero(t, s.ListenerState())

	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	subscribed := func() bool { return !s.ListenerState().Since.IsZero() }
	require.Eventually(t, subscribed, 10*time.Second, time.Millisecond)
	first := s.ListenerState()
	require.True(t, first.Running)
	require.False(t, first.Since.Before(began))
	require.Zero(t, first.Heard, "nothing has changed")

	require.NoError(t, s.InsertKey(t.Context(), sampleKey))
	require.Eventually(t, func() bool { return !s.ListenerState().Heard.IsZero() }, 10*time.Second, time.Millisecond)
	require.False(t, s.ListenerState().Heard.Before(first.Since))
	require.Equal(t, first.Since, s.ListenerState().Since)

	p.silent.Store(true)
	require.Eventually(t, func() bool { return !subscribed() }, 10*time.Second, time.Millisecond)
	require.True(t, s.ListenerState().Running)
	p.silent.Store(false)
	require.Eventually(t, subscribed, 10*time.Second, time.Millisecond)
	require.True(t, s.ListenerState().Since.After(first.Since))

	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	last := s.ListenerState()
	require.False(t, last.Running)
	require.Zero(t, last.Since)
	require.NotZero(t, last.Heard)
}

// TestStats has a server fall silent, and counts the calls in flight and the callers that
// wait.
func TestStats(t *testing.T) {
	p := newProxy(t, redistest.Start(t))
	s, err := Open("redis://"+p.addr, Config{})
	require.NoError(t, err)
	defer s.Close()
	require.Zero(t, s.Stats(), "not connected")
	require.NoError(t, s.Take(t.Context(), one("a")))
	require.Zero(t, s.Stats())

	p.silent.Store(true)
	var stats Stats
	ctx, cancel := context.WithCancel(t.Context())
	const callers = 300 // more than two calls can carry
	ended := make(chan error)
	for range callers {
		go func() { ended <- s.Take(ctx, one("a")) }()
		go func() {
			_, err := s.Key(ctx, "k")
			ended <- err
		}()
	}
	full := func() bool {
		stats = s.Stats()
		return stats.Calls == batchCalls && stats.Waiting > 0 && stats.Commands == commandCalls && stats.CommandsWaiting > 0
	}
	require.Eventually(t, full, 10*time.Second, time.Millisecond, "%+v", &stats)
	cancel()
	for range 2 * callers {
		require.Error(t, <-ended)
	}
	require.Zero(t, s.Stats().Waiting)
	require.Zero(t, s.Stats().CommandsWaiting)
}
